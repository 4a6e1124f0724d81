"""The style sheet of a shown trace. Each rule hangs on ``.shapelab-trace``: a notebook is a page of many owners."""

from __future__ import annotations

from dataclasses import fields

from shapelab.figures.theme import DARK, LIGHT, MONO, SANS, Palette

# Who says that the page is light or dark: JupyterLab and Notebook, VS Code, Colab, Sphinx themes. Where nobody does,
# the system's own choice counts; the panel brings its background along, so that a wrong guess can still be read.
LIGHT_PAGES = (
    'body[data-jp-theme-light="true"]',
    "body.vscode-light",
    'html[theme="light"]',
    'html[data-theme="light"]',
)
DARK_PAGES = ('body[data-jp-theme-light="false"]', "body.vscode-dark", 'html[theme="dark"]', 'html[data-theme="dark"]')


def _variables(palette: Palette) -> str:
    return ";".join(f"--sl-{f.name.replace('_', '-')}:{getattr(palette, f.name)}" for f in fields(palette))


def _themes() -> str:
    light, dark = (
        ",".join(f"{page} .shapelab-trace" for page in LIGHT_PAGES),
        ",".join(f"{page} .shapelab-trace" for page in DARK_PAGES),
    )
    return (
        f".shapelab-trace{{{_variables(LIGHT)}}}"
        f"@media (prefers-color-scheme:dark){{.shapelab-trace{{{_variables(DARK)}}}}}"
        f"{light}{{{_variables(LIGHT)}}}{dark}{{{_variables(DARK)}}}"
    )


_RULES = """
& {background:var(--sl-panel);color:var(--sl-ink);font:13px/1.45 SANS;box-sizing:border-box;max-width:1000px;
 padding:14px 16px;border:1px solid var(--sl-line);border-radius:8px}
& code{font-family:MONO;font-size:12px;color:inherit!important;background:none!important;padding:0!important;border:0}
& i,& em,& u{font-style:normal;text-decoration:none}
& .sl-title{font:600 17px/1.4 MONO;overflow-wrap:anywhere}
& .sl-title b{font-weight:700;font-family:SANS}
& .sl-in{color:var(--sl-input)}
& .sl-out{color:var(--sl-output-text)}
& .sl-failed{color:var(--sl-kernel)}
& .sl-totals,& .sl-note{color:var(--sl-muted)}
& .sl-totals b{color:var(--sl-ink);font-weight:600}
& .sl-note{margin-top:8px;font-size:12px}
& .sl-failure{border-left:3px solid var(--sl-kernel);padding:2px 12px;margin:10px 0;
 overflow-wrap:anywhere}
& .sl-failure b{color:var(--sl-kernel)}
& .sl-remedy{font-weight:600}
& .sl-said{color:var(--sl-muted);font:12px/1.4 MONO}
& .sl-picture{overflow-x:auto;margin:10px 0 6px}
& svg{display:block;max-width:none;overflow:visible}
& svg text{font-family:SANS;fill:var(--sl-muted);stroke:none!important}
& svg .sl-name{font-weight:600;fill:var(--sl-ink)}
& svg .sl-mono{font-family:MONO}
& svg .sl-b-input{fill:var(--sl-input-tint);stroke:var(--sl-input)}
& svg .sl-b-kernel{fill:var(--sl-kernel-tint);stroke:var(--sl-kernel)}
& svg .sl-b-output{fill:var(--sl-output-tint);stroke:var(--sl-output)}
& svg .sl-b-plain{fill:var(--sl-line);stroke:var(--sl-muted)}
& svg .sl-broken{fill:none;stroke:var(--sl-kernel)}
& svg .sl-broken text,& svg text.sl-broken{fill:var(--sl-kernel)}
& svg .sl-flow{fill:none;stroke:var(--sl-muted)}
& svg .sl-skip{fill:none;stroke:var(--sl-padding)}
& svg text.sl-skip{fill:var(--sl-padding-text)}
& .sl-scroll{overflow-x:auto}
& .sl-table{min-width:900px}
& .sl-plain{min-width:640px;max-width:760px}
& .sl-row{display:grid;grid-template-columns:minmax(220px,1fr) 176px 122px 104px 84px 112px 78px;column-gap:10px;
 padding:3px 6px;border-top:1px solid var(--sl-line);font:12px/1.5 MONO;align-items:baseline}
& .sl-plain .sl-row{grid-template-columns:minmax(220px,1fr) 210px 100px 130px}
& .sl-row>span{overflow-wrap:anywhere;min-width:0}
& .sl-row>span:nth-child(n+5),& .sl-plain .sl-row>span:nth-child(n+3){text-align:right}
& .sl-head{border-top:0;color:var(--sl-muted);font-family:SANS}
& .sl-row i{color:var(--sl-muted)}
& .sl-row em,& .sl-row u{color:var(--sl-padding-text)}
& .sl-row u{display:block}
& .sl-row>span:first-child b{font-weight:600}
& summary.sl-row{cursor:pointer;list-style:none}
& summary.sl-row::-webkit-details-marker{display:none}
& summary.sl-row>span:first-child::before{content:"▸";display:inline-block;width:14px;color:var(--sl-muted)}
& details[open]>summary.sl-row>span:first-child::before{content:"▾"}
& div.sl-row:not(.sl-head,.sl-rest)>span:first-child::before{content:"";display:inline-block;width:14px}
& summary.sl-row:hover{background:var(--sl-input-tint)}
& summary.sl-row:focus-visible{outline:2px solid var(--sl-input);outline-offset:-2px}
& .sl-rest>span{grid-column:1/-1;color:var(--sl-muted)}
& .sl-bad,& .sl-bad i{color:var(--sl-kernel)}
& .sl-bad>span:last-child{grid-column:2/-1;text-align:left!important}
"""


def _sheet() -> str:
    rules = _RULES.strip().replace("& {", "&{").replace("&", ".shapelab-trace")
    return _themes() + rules.replace("SANS", SANS).replace("MONO", MONO).replace("\n", "")


STYLE = _sheet()
