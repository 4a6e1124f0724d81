// Draws a Plotly specification that was laid out in design pixels and light colours: fits it to its place, swaps the
// colours in the dark, and lights the window under the pointer from the table that the picture carries.

const SVG = "http://www.w3.org/2000/svg";

function loadScript(address) {
  return new Promise((resolve, reject) => {
    const amd = globalThis.define; // a page with an AMD loader would swallow the bundle
    globalThis.define = undefined;
    const script = document.createElement("script");
    const done = (then) => () => {
      globalThis.define = amd;
      then();
    };
    script.src = address;
    script.onload = done(() => resolve(globalThis.Plotly));
    script.onerror = done(() => reject(new Error(`could not load ${address}`)));
    document.head.append(script);
  });
}

function askKernel(model) {
  return new Promise((resolve, reject) => {
    const onMessage = async (content, buffers) => {
      if (content.give !== "plotly") return;
      model.off("msg:custom", onMessage);
      try {
        const unzipped = new Blob([buffers[0]]).stream().pipeThrough(new DecompressionStream("gzip"));
        const code = await new Response(unzipped).blob();
        const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
        resolve(await loadScript(address));
        URL.revokeObjectURL(address);
      } catch (error) {
        reject(error);
      }
    };
    model.on("msg:custom", onMessage);
    model.send({ ask: "plotly" });
  });
}

// Once a page, however many pictures: from the page's own address where it names one, else from the kernel.
function plotly(model) {
  if (!globalThis.shapelabPlotly) {
    const address = document.querySelector('meta[name="shapelab-plotly"]')?.content;
    globalThis.shapelabPlotly = address ? loadScript(address) : askKernel(model);
    globalThis.shapelabPlotly.catch(() => (globalThis.shapelabPlotly = undefined));
  }
  return globalThis.shapelabPlotly;
}

function isDark() {
  const chosen = document.documentElement.dataset.theme ?? document.body.dataset.theme;
  if (chosen) return chosen === "dark";
  const lab = document.body.dataset.jpThemeLight;
  if (lab !== undefined) return lab === "false";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function unpackArray({ shape, float32 }) {
  const numbers = new Float32Array(float32.buffer.slice(float32.byteOffset, float32.byteOffset + float32.byteLength));
  if (shape.length === 1) return numbers;
  const rows = [];
  for (let row = 0; row < shape[0]; row++) rows.push(numbers.subarray(row * shape[1], (row + 1) * shape[1]));
  return rows;
}

const PIXELS = new Set(["size", "xgap", "ygap"]);

// The specification with arrays unpacked, lengths in type and lines scaled, and colours of the present theme.
function prepare(value, factor, colours, key = "", parent = "") {
  if (value?.float32) return unpackArray(value);
  if (Array.isArray(value)) return value.map((item) => prepare(item, factor, colours, "", key));
  if (value && typeof value === "object") {
    const result = {};
    for (const [name, item] of Object.entries(value)) result[name] = prepare(item, factor, colours, name, key);
    return result;
  }
  if (typeof value === "string") return colours?.[value] ?? value;
  if (typeof value === "number" && (PIXELS.has(key) || (key === "width" && parent === "line"))) return value * factor;
  return value;
}

// The window under the pointer: from an output cell to its window, and from a padded cell to the outputs that read it.
function touched(meta, x, y) {
  const inside = (grid) => {
    const column = Math.floor((x - grid.corner[0]) / grid.cell);
    const row = Math.floor((y - grid.corner[1]) / grid.cell);
    return row >= 0 && column >= 0 && row < grid.counts[0] && column < grid.counts[1] ? [row, column] : null;
  };
  const box = (grid, row, column, rows, columns) => ({
    x: grid.corner[0] + column * grid.cell,
    y: grid.corner[1] + row * grid.cell,
    width: columns * grid.cell,
    height: rows * grid.cell,
  });
  const { stride, span, padded, output } = meta;
  const out = inside(output);
  if (out) {
    const [row, column] = out;
    const window = box(padded, row * stride[0], column * stride[1], span[0], span[1]);
    return { cell: out, boxes: [window, box(output, row, column, 1, 1)] };
  }
  const read = inside(padded);
  if (!read) return null;
  const ranges = read.map((at, axis) => {
    const first = Math.max(0, Math.ceil((at - span[axis] + 1) / stride[axis]));
    const last = Math.min(output.counts[axis] - 1, Math.floor(at / stride[axis]));
    return [first, last - first + 1];
  });
  const here = box(padded, read[0], read[1], 1, 1);
  if (ranges.some(([, count]) => count < 1)) return { boxes: [here] };
  const [[row, rows], [column, columns]] = ranges;
  return { boxes: [here, box(output, row, column, rows, columns)] };
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
  const light = document.createElementNS(SVG, "svg");
  light.classList.add("shapelab-light");
  light.setAttribute("aria-hidden", "true");
  el.append(sheet, light);
  let busy = false;
  let stale = false;
  let gone = false;
  let drawnWidth = 0;
  let pointer = null; // where it stands over the picture

  const meta = () => model.get("spec")?.layout?.meta ?? {};

  async function draw() {
    const spec = model.get("spec");
    if (!spec?.layout || gone) return;
    const { width, height } = spec.layout;
    el.style.aspectRatio = `${width} / ${height}`;
    el.setAttribute("role", "img");
    el.setAttribute("aria-label", meta().alt ?? "");
    const place = el.clientWidth;
    if (!place) return;
    if (busy) {
      stale = true;
      return;
    }
    busy = true;
    try {
      const Plotly = await plotly(model);
      const factor = place / width;
      const ready = prepare(spec, factor, isDark() ? model.get("dark") : null);
      Object.assign(ready.layout, { width: place, height: height * factor });
      await Plotly.react(sheet, ready.data, ready.layout, { displayModeBar: false, responsive: false, staticPlot: false });
      drawnWidth = place;
      light.setAttribute("viewBox", `0 0 ${width} ${height}`);
      if (pointer) highlight(pointer);
      else light.replaceChildren();
      el.dataset.drawn = String(Number(el.dataset.drawn ?? 0) + 1);
    } catch (error) {
      sheet.textContent = `The picture could not be drawn: ${error.message}`;
    } finally {
      busy = false;
      if (stale) {
        stale = false;
        draw();
      }
    }
  }

  function highlight(event) {
    pointer = { clientX: event.clientX, clientY: event.clientY };
    const spec = meta();
    light.replaceChildren();
    if (spec.kind !== "window_grid") return null;
    const frame = el.getBoundingClientRect();
    const factor = model.get("spec").layout.width / frame.width;
    const hit = touched(spec, (event.clientX - frame.left) * factor, (event.clientY - frame.top) * factor);
    for (const box of hit?.boxes ?? []) {
      const rectangle = document.createElementNS(SVG, "rect");
      for (const [name, value] of Object.entries(box)) rectangle.setAttribute(name, value);
      light.append(rectangle);
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
    const frame = el.getBoundingClientRect();
    const factor = model.get("spec").layout.width / frame.width;
    const [x, y] = [(event.clientX - frame.left) * factor, (event.clientY - frame.top) * factor];
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
    if (Math.abs(el.clientWidth - drawnWidth) > 1) draw();
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
    light.replaceChildren();
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
