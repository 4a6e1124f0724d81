// Draws a Plotly specification that was laid out in design pixels and light colours: fits it to its place, swaps the
// colours in the dark, and lights the window under the pointer from the table that the picture carries.

const SVG = "http://www.w3.org/2000/svg";

function isDark() {
  const chosen = document.documentElement.dataset.theme ?? document.body.dataset.theme;
  if (chosen) return chosen === "dark";
  const lab = document.body.dataset.jpThemeLight;
  if (lab !== undefined) return lab === "false";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function unpackArray({ shape, float32 }) {
  const whole = float32.byteOffset % 4 === 0; // a view must begin at a multiple of four; else its bytes are copied
  const buffer = whole ? float32.buffer : float32.buffer.slice(float32.byteOffset, float32.byteOffset + float32.byteLength);
  const numbers = new Float32Array(buffer, whole ? float32.byteOffset : 0, float32.byteLength / 4);
  if (shape.length === 1) return numbers;
  const rows = [];
  for (let row = 0; row < shape[0]; row++) rows.push(numbers.subarray(row * shape[1], (row + 1) * shape[1]));
  return rows;
}

// The specification with arrays unpacked, widths of lines scaled, and colours of the present theme.
function prepare(value, factor, colours, key = "", parent = "") {
  if (value?.float32) return unpackArray(value);
  if (Array.isArray(value)) return value.map((item) => prepare(item, factor, colours, "", key));
  if (value && typeof value === "object") {
    const result = {};
    for (const [name, item] of Object.entries(value)) result[name] = prepare(item, factor, colours, name, key);
    return result;
  }
  if (typeof value === "string") return colours?.[value] ?? value;
  return typeof value === "number" && key === "width" && parent === "line" ? value * factor : value;
}

// Lines and words, in the colours of the present theme.
function mark(svg, marks, colours) {
  const text = colours ? marks.replace(/#[0-9a-f]{6}\b/g, (light) => colours[light] ?? light) : marks;
  if (svg.shown !== text) svg.innerHTML = svg.shown = text;
}

function layer(className) {
  const made = document.createElementNS(SVG, "svg");
  made.classList.add(className);
  made.setAttribute("aria-hidden", "true");
  return made;
}

// Jupyter would take a slider's arrow keys for itself. It looks for this mark first of all on what has the focus.
function keepKeys(explorer) {
  if (explorer.dataset.keepsKeys) return;
  explorer.dataset.keepsKeys = "true";
  explorer.addEventListener("focusin", (event) => (event.target.dataset.lmSuppressShortcuts = "true"));
}

function render({ model, el }) {
  el.classList.add("shapelab-figure");
  const sheet = document.createElement("div");
  const [behind, before, light] = ["shapelab-marks", "shapelab-marks", "shapelab-light"].map(layer);
  const tip = document.createElement("div");
  tip.classList.add("shapelab-tip");
  tip.setAttribute("aria-hidden", "true");
  tip.hidden = true;
  el.append(behind, sheet, before, light, tip);
  let busy = false; // drawing, or drawn in this frame
  let broken = false; // shows a sentence in the place of a picture
  let stale = false;
  let gone = false;
  let drawnWidth = 0;
  let drawnSpec = null;
  let pointer = null; // where it stands over the picture

  const meta = () => model.get("spec")?.layout?.meta ?? {};

  // At most one picture a frame: of several specifications that come meanwhile the last is drawn.
  async function draw() {
    const spec = model.get("spec");
    if (!spec?.layout || gone) return;
    const { width, height } = spec.layout;
    el.style.aspectRatio = `${width} / ${height}`;
    el.setAttribute("role", "img");
    el.setAttribute("aria-label", meta().alt ?? "");
    const place = el.clientWidth;
    if (!place) {
      // Hidden; shown again within this very frame, it would keep its size, and nobody would notice.
      requestAnimationFrame(() => el.clientWidth && drawnSpec !== model.get("spec") && draw());
      return;
    }
    if (busy) {
      stale = true;
      return;
    }
    busy = true;
    try {
      const Plotly = await plotly(model);
      if (broken) sheet.replaceChildren();
      broken = false;
      await paint(Plotly, spec, place);
    } catch (error) {
      broken = true;
      globalThis.Plotly?.purge(sheet);
      sheet.textContent = `The picture could not be drawn: ${error.message}`;
    }
    requestAnimationFrame(() => {
      busy = false;
      const again = stale;
      stale = false;
      if (again) draw();
    });
  }

  async function paint(Plotly, spec, place) {
    const { width, height } = spec.layout;
    const factor = place / width;
    const colours = isDark() ? model.get("dark") : null;
    const ready = prepare({ data: spec.data, layout: spec.layout }, factor, colours);
    Object.assign(ready.layout, { width: place, height: height * factor });
    const reacted = Plotly.react(sheet, ready.data, ready.layout, { displayModeBar: false, staticPlot: true });
    for (const svg of [behind, before, light]) svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    mark(behind, spec.marks[0], colours);
    mark(before, spec.marks[1], colours);
    await reacted;
    [drawnWidth, drawnSpec] = [place, spec];
    if (pointer) highlight(pointer);
    else unlight();
    el.dataset.drawn = String(Number(el.dataset.drawn ?? 0) + 1);
  }

  function unlight() {
    light.replaceChildren();
    tip.hidden = true;
  }

  // A place of the screen in the picture's own pixels.
  function placeOf(event) {
    const frame = el.getBoundingClientRect();
    const factor = model.get("spec").layout.width / frame.width;
    return [(event.clientX - frame.left) * factor, (event.clientY - frame.top) * factor];
  }

  function highlight(event) {
    pointer = { clientX: event.clientX, clientY: event.clientY };
    const spec = model.get("spec");
    if (!spec?.layout) return null;
    const [x, y] = placeOf(event);
    const hit = meta().kind === "window_grid" ? touched(meta(), x, y) : null;
    light.replaceChildren(
      ...(hit?.boxes ?? []).map((box) => {
        const rectangle = document.createElementNS(SVG, "rect");
        for (const [name, value] of Object.entries(box)) rectangle.setAttribute(name, value);
        return rectangle;
      }),
    );
    const words = tipAt(spec, x, y);
    tip.hidden = !words;
    if (words) {
      tip.textContent = words;
      const right = x > spec.layout.width / 2; // it grows away from the nearer edge
      tip.style.top = `${(100 * y) / spec.layout.height}%`;
      tip.style.left = right ? "" : `${(100 * x) / spec.layout.width}%`;
      tip.style.right = right ? `${100 - (100 * x) / spec.layout.width}%` : "";
    }
    return hit;
  }

  function onClick(event) {
    const hit = highlight(event);
    if (hit?.cell) {
      model.set("cell", hit.cell);
      model.save_changes();
      return;
    }
    if (meta().kind !== "pipeline") return;
    const [x, y] = placeOf(event);
    const block = meta().blocks.find((b) => x >= b.x0 && x <= b.x1 && y >= b.y0 && y <= b.y1);
    if (block && block.stage >= 0) {
      model.set("stage", block.stage);
      model.save_changes();
    }
  }

  const sizes = new ResizeObserver(() => {
    const explorer = el.closest(".shapelab") ?? document.body;
    keepKeys(explorer);
    const narrow = explorer.clientWidth <= 700;
    if (narrow !== model.get("narrow")) {
      model.set("narrow", narrow);
      model.save_changes();
    }
    if (Math.abs(el.clientWidth - drawnWidth) > 1 || drawnSpec !== model.get("spec")) draw();
  });
  const themes = new MutationObserver(draw);
  const watched = { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light"] };
  const preference = matchMedia("(prefers-color-scheme: dark)");
  const dim = () => el.classList.toggle("shapelab-dimmed", model.get("dimmed"));

  sizes.observe(el);
  themes.observe(document.documentElement, watched);
  themes.observe(document.body, watched);
  preference.addEventListener("change", draw);
  el.addEventListener("pointermove", highlight);
  el.addEventListener("pointerleave", () => {
    pointer = null;
    unlight();
  });
  el.addEventListener("click", onClick);
  model.on("change:spec", draw);
  model.on("change:dimmed", dim);
  dim();
  draw();
  model.send({ say: "ready" });

  return () => {
    gone = true;
    sizes.disconnect();
    themes.disconnect();
    preference.removeEventListener("change", draw);
    model.off("change:spec", draw);
    model.off("change:dimmed", dim);
    globalThis.Plotly?.purge(sheet);
  };
}

export default { render };
