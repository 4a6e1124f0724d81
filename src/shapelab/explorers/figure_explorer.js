// What a picture hears of the explorer around it: words that point at its parts, buttons that pick a stage, focus.
// Joined with figure_view.js into one module.

// Jupyter would take a slider's arrow keys for itself. It looks for this mark first of all on what has the focus.
function keepKeys(explorer) {
  if (explorer.dataset.keepsKeys) return;
  explorer.dataset.keepsKeys = "true";
  explorer.addEventListener("focusin", (event) => (event.target.dataset.lmSuppressShortcuts = "true"));
  keepLine(explorer);
}

// Lines of the source are written anew when one of them is chosen: the one that had the focus has it again.
function keepLine(explorer) {
  const lines = () => [...explorer.querySelectorAll("button.sl-source-line")];
  let at = -1;
  const again = () => document.activeElement === document.body && lines()[at]?.focus({ preventScroll: true });
  const written = new MutationObserver(again);
  const watch = ({ target }) => {
    written.disconnect();
    at = lines().indexOf(target.closest?.("button.sl-source-line"));
    if (at >= 0) written.observe(target.closest(".sl-source-place"), { childList: true, subtree: true });
  };
  for (const event of ["focusin", "pointerdown"]) explorer.addEventListener(event, watch);
}

// A slider and the number beside it say which field they set; ipywidgets gives neither a name of its own.
// Those of a lesson opened later come and go as they please, before the picture or after it.
function nameControls(explorer) {
  const place = explorer.querySelector(".sl-left");
  if (place && !place.dataset.named) {
    place.dataset.named = "true";
    new MutationObserver(() => nameControls(explorer)).observe(place, { childList: true, subtree: true });
  }
  for (const control of explorer.querySelectorAll(".shapelab-control")) {
    const name = control.querySelector(".widget-label")?.textContent;
    for (const part of control.querySelectorAll(":is(.noUi-handle, input[type=number]):not([aria-label])"))
      part.setAttribute("aria-label", part.labels?.[0]?.title || name);
  }
}

// Anything with data-point="part" lights that part of the picture while it is hovered or focused; a click on anything
// with data-pick="stage:5" selects that stage in the explorer's first picture. By delegation: words come and go.
function listenAround(explorer, view) {
  const listening = new AbortController();
  const on = (event, call) => explorer.addEventListener(event, call, { signal: listening.signal });
  const named = (event) => event.target.closest?.("[data-point]")?.dataset.point;
  const lights = (event) => showPart(view, named(event));
  const stays = (event) => event.relatedTarget?.closest?.("[data-point]")?.dataset.point === named(event);
  const darkens = (event) => named(event) && !stays(event) && showPart(view);
  on("pointerover", (event) => named(event) && lights(event));
  on("focusin", (event) => named(event) && lights(event));
  on("pointerout", darkens);
  on("focusout", darkens);
  on("click", (event) => {
    const [trait, value] = event.target.closest?.("[data-pick]")?.dataset.pick.split(":") ?? [];
    if (trait === "stage" && own()) view.choose("stage", Number(value));
  });
  const own = () => explorer.querySelector(".shapelab-figure") === view.el;
  const place = document.documentElement.dataset.shapelabPage === undefined ? explorer : document;
  const pressed = (event) => own() && explorer.clientWidth && takeBack(event, view.model);
  place.addEventListener("keydown", pressed, { signal: listening.signal });
  return () => listening.abort();
}

const TYPED = "input:not([type=checkbox], [type=radio], [type=range], [type=file]), textarea"; // have an undo of their own

// Ctrl+Z takes the last change back; with Shift, or Ctrl+Y, it is made again.
function takeBack(event, model) {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !"zy".includes(key) || event.target.matches?.(TYPED)) return;
  event.preventDefault();
  event.stopPropagation();
  model.send({ do: key === "y" || event.shiftKey ? "redo" : "undo" });
}

// Light a part that the picture names; none, or one that it does not have, lights nothing.
function showPart(view, name) {
  const part = name === undefined ? undefined : view.meta().parts?.[name];
  view.parts.replaceChildren(...(part?.boxes ?? []).map((box) => view.box(...box, `shapelab-part-${roleOf(name)}`)));
  view.el.classList.toggle("shapelab-pointed", Boolean(part));
  const [x, y, wide] = part?.boxes[0] ?? [];
  view.tip(part?.says ?? null, x + wide / 2, y);
}

// The colour that a part wears: "lo-H" is padding, "kernel-I" is kernel.
function roleOf(name) {
  const first = name.split("-")[0];
  return { lo: "padding", hi: "padding", stride: "kernel" }[first] ?? first;
}
