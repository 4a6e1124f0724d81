// How a specification becomes what Plotly takes and the browser paints: arrays unpacked, one factor for the whole sheet,
// the colours of the present theme. Joined with figure_view.js into one module.

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

function element(className, tag = "div") {
  const made = document.createElement(tag);
  made.classList.add(className);
  return made;
}
