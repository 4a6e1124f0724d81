// The dialog that shares what is on screen: link, options, a frame for another page, and a QR code for the room.

const STYLE = `
.sl-share { box-sizing: border-box; width: min(760px, calc(100vw - 24px)); max-height: calc(100dvh - 24px); padding: 20px 24px 24px;
  border: 1px solid var(--sl-line); border-radius: 12px; background: var(--sl-panel); color: var(--sl-ink);
  font: 15px/1.5 var(--sl-sans); }
.sl-share::backdrop { background: rgb(0 0 0 / 45%); }
.sl-share > header { display: flex; align-items: center; justify-content: space-between; margin-bottom: 12px; }
.sl-share h2 { margin: 0; font-size: 18px; }
.sl-share > div { display: grid; grid-template-columns: minmax(0, 1fr) 264px; gap: 24px; align-items: start; }
.sl-share .row { display: flex; gap: 8px; }
.sl-share :is(input[readonly], textarea) { box-sizing: border-box; flex: 1; width: 100%; min-width: 0; padding: 7px 10px;
  border: 1px solid var(--sl-muted); border-radius: 8px; background: var(--sl-bg); color: var(--sl-ink);
  font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
.sl-share textarea { height: 68px; resize: vertical; }
.sl-share button { flex: none; align-self: start; padding: 6px 14px; border: 1px solid var(--sl-muted); border-radius: 999px;
  background: var(--sl-panel); color: var(--sl-ink); font: inherit; cursor: pointer; }
.sl-share button:hover { background: var(--sl-bg); }
.sl-share :focus-visible { outline: 2px solid var(--sl-ink); outline-offset: 2px; }
.sl-share label { display: flex; gap: 8px; align-items: baseline; margin: 8px 0 0; }
.sl-share fieldset { display: flex; flex-wrap: wrap; gap: 0 14px; margin: 2px 0 0 22px; padding: 0; border: 0; }
.sl-share fieldset label { margin: 2px 0; font: 13px/1.6 ui-monospace, "DejaVu Sans Mono", monospace; }
.sl-share p { margin: 8px 0 0; color: var(--sl-muted); font-size: 13.5px; }
.sl-share .code { padding: 0; border: 1px solid var(--sl-line); border-radius: 8px; background: #fff; cursor: zoom-in; }
.sl-share .code img { display: block; width: 262px; height: 262px; border-radius: 8px; image-rendering: pixelated; }
.sl-share.large { width: fit-content; max-width: none; max-height: none; padding: 0; background: #fff; }
.sl-share.large > :is(header, div) > :not(.code, .aside), .sl-share.large > header, .sl-share.large .aside p { display: none; }
.sl-share.large > div { display: block; }
.sl-share.large .code { border: 0; cursor: zoom-out; }
.sl-share.large img { width: min(94vw, 94dvh - 24px); height: min(94vw, 94dvh - 24px); }
.sl-share [hidden] { display: none; }
@media (max-width: 700px) {
  .sl-share { padding: 14px 16px 18px; }
  .sl-share > div { grid-template-columns: minmax(0, 1fr); }
  .sl-share .aside { justify-self: center; }
}`;

const FORM = `
<header><h2 id="sl-share-title">Share what is shown</h2><button type="button" class="close">Close</button></header>
<div>
  <section>
    <div class="row"><input class="link" readonly aria-label="Link"><button type="button" class="copy">Copy</button></div>
    <label><input type="checkbox" name="lock">lock: nothing can be changed</label>
    <label><input type="checkbox" name="show">only these controls:</label>
    <fieldset class="fields" aria-label="Controls shown" hidden></fieldset>
    <label><input type="checkbox" name="embed">embed: without the header, for a frame in another page</label>
    <div class="row frame" hidden><textarea readonly aria-label="Code of the frame" spellcheck="false"></textarea><button type="button" class="copy">Copy</button></div>
    <p class="kept" hidden>A picture of your own stays in this tab. The link shows the lesson's usual input.</p>
    <p class="local" hidden>Only this computer can open the address ${location.hostname}. For others, serve with --host 0.0.0.0, and open the page by this computer's name.</p>
    <p class="said" role="status"></p>
  </section>
  <div class="aside">
    <button type="button" class="code" aria-label="QR code of the link: enlarge" aria-pressed="false"><img alt="" width="262" height="262"></button>
    <p class="long" role="status" hidden>The link is too long for a QR code: compare with nothing, or send it as text.</p>
  </div>
</div>`;

const LOCAL = /^(localhost|127\..*|\[::1\])$/;
const encoded = (text) => encodeURIComponent(text).replaceAll("%2C", ",");
let [dialog, wanted] = [];

function make() {
  const sheet = document.createElement("style");
  sheet.textContent = STYLE;
  dialog = document.createElement("dialog");
  dialog.className = "sl-share";
  dialog.setAttribute("aria-labelledby", "sl-share-title");
  dialog.innerHTML = FORM;
  document.head.append(sheet);
  document.body.append(dialog);
  const find = (css) => dialog.querySelector(css);
  find(".local").hidden = !LOCAL.test(location.hostname);
  find(".close").addEventListener("click", () => dialog.close());
  find(".code").addEventListener("click", ({ currentTarget }) => {
    currentTarget.setAttribute("aria-pressed", dialog.classList.toggle("large"));
  });
  find("img").addEventListener("error", () => failed(true));
  find("img").addEventListener("load", () => failed(false));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.classList.remove("large"));
  dialog.addEventListener("change", write);
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // keys of the page around it rest
  for (const button of dialog.querySelectorAll(".copy")) button.addEventListener("click", () => copy(button));
  document.addEventListener("shapelab-query", () => dialog.open && write());
}

function failed(yes) {
  dialog.querySelector(".code").hidden = yes;
  dialog.querySelector(".long").hidden = !yes;
  paint();
}

// One code at a time: of several ticks in a row the last counts.
function paint() {
  const image = dialog.querySelector("img");
  if (image.complete && image.src !== wanted) image.src = wanted;
}

async function copy(button) {
  const field = button.previousElementSibling;
  let done = false;
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    done = true;
  } catch {
    done = document.execCommand("copy"); // over plain http there is no clipboard but this one
  }
  dialog.querySelector(".said").textContent = done ? "Copied." : "It is selected: press Ctrl+C to copy it.";
}

// What the address says, and for the other ways to open the page what is ticked.
function query() {
  const pairs = new URLSearchParams(location.search);
  const ticked = (name) => dialog.querySelector(`[name="${name}"]`).checked;
  for (const name of ["lock", "embed"]) ticked(name) ? pairs.set(name, "1") : pairs.delete(name);
  const fields = [...dialog.querySelectorAll(".fields input:checked")].map((box) => box.value);
  ticked("show") ? pairs.set("show", fields.join(",")) : pairs.delete("show");
  dialog.querySelector(".kept").hidden = !pairs.has("picture");
  pairs.delete("picture");
  return [...pairs].map(([name, value]) => `${name}=${encoded(value)}`).join("&");
}

function write() {
  const find = (css) => dialog.querySelector(css);
  const [page, said] = [location.origin + location.pathname, query()];
  const link = said ? `${page}?${said}` : page;
  find(".link").value = link;
  find(".said").textContent = "";
  find(".fields").hidden = !find('[name="show"]').checked;
  find(".frame").hidden = !find('[name="embed"]').checked;
  find("textarea").value = `<iframe src="${link.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}" width="1100" height="720" title="shapelab"></iframe>`;
  const code = new URL(`shapelab/qr.svg?${said}`, page).href;
  wanted = code;
  paint();
}

// A box for each control on screen.
function list(given) {
  const controls = [...document.querySelectorAll("#rendered_cells .sl-left .shapelab-control")];
  const names = controls.filter((each) => each.checkVisibility()).map((each) => /shapelab-control-(\w+)/.exec(each.className)[1]);
  const wanted = given?.split(",") ?? [];
  dialog.querySelector(".fields").replaceChildren(
    ...names.map((name) => {
      const [label, box] = [document.createElement("label"), document.createElement("input")];
      Object.assign(box, { type: "checkbox", value: name, checked: wanted.includes(name) });
      label.append(box, name);
      return label;
    }),
  );
  const show = dialog.querySelector('[name="show"]');
  show.disabled = !names.length && given === undefined;
  show.checked = given !== undefined;
}

export function open() {
  if (!dialog) make();
  const asked = new URLSearchParams(location.search);
  for (const name of ["lock", "embed"]) dialog.querySelector(`[name="${name}"]`).checked = asked.get(name) === "1";
  list(asked.get("show") ?? undefined);
  write();
  dialog.showModal();
  dialog.querySelector(".link").select();
}
