// Draws a Plotly specification that was laid out in design pixels and light colours: fits it to its place and brings the
// pointer and the keys to the behaviour of its kind.

function render({ model, el }) {
  el.classList.add("shapelab-figure");
  const frame = element("shapelab-frame");
  const sheet = document.createElement("div");
  const layers = ["shapelab-marks", "shapelab-marks", "shapelab-pinned", "shapelab-parts", "shapelab-light"].map(layer);
  const [behind, before, pinned, parts, light] = layers;
  const tip = element("shapelab-tip");
  tip.setAttribute("aria-hidden", "true");
  tip.hidden = true;
  const said = element("shapelab-said");
  said.setAttribute("aria-live", "polite");
  frame.append(behind, sheet, before, pinned, parts, light, tip);
  el.append(frame, said);
  let busy = false; // drawing, or drawn in this frame
  let broken = false; // shows a sentence in the place of a picture
  let stale = false;
  let gone = false;
  let drawnWidth = 0;
  let drawnSpec = null;
  let pointer = null; // where it stands over the picture
  let kind = null; // of the picture drawn, and what it does
  let behaviour = null;
  let deaf = null; // ends listening to the explorer around

  const meta = () => model.get("spec")?.layout?.meta ?? {};

  // What a behaviour may use.
  const view = {
    model,
    el,
    frame,
    light, // SVG layers in the picture's own pixels: what is lit under the pointer or the keys,
    pinned, // what stays,
    parts, // and what words around the picture point at
    meta,
    spec: () => model.get("spec"),
    scale: () => frame.clientWidth / (model.get("spec")?.layout?.width || 1), // pixels of the screen for one of its own
    box: svgBox,
    tip: showTip,
    say: (words) => said.textContent !== words && (said.textContent = words), // to who cannot see it
    stops: (planes) => placeStops(view, planes),
    choose(trait, value) {
      model.set(trait, value);
      model.save_changes();
    },
  };

  // At most one picture a frame: of several specifications that come meanwhile the last is drawn.
  async function draw() {
    const spec = model.get("spec");
    if (!spec?.layout || gone) return;
    frame.style.aspectRatio = `${spec.layout.width} / ${spec.layout.height}`;
    el.setAttribute("aria-label", meta().alt ?? "");
    if (!el.hasAttribute("role")) el.setAttribute("role", "img");
    const place = frame.clientWidth;
    if (!place) {
      // Hidden; shown again within this very frame, it would keep its size, and nobody would notice.
      requestAnimationFrame(() => frame.clientWidth && drawnSpec !== model.get("spec") && draw());
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
    const { width, height, meta: told } = spec.layout;
    const factor = place / width;
    const colours = isDark() ? model.get("dark") : null;
    const layout = { ...spec.layout, meta: { alt: told?.alt } }; // the rest is nothing to Plotly, which would compare it
    const ready = prepare({ data: spec.data, layout }, factor, colours);
    Object.assign(ready.layout, { width: place, height: height * factor });
    const reacted = Plotly.react(sheet, ready.data, ready.layout, { displayModeBar: false, staticPlot: true });
    for (const svg of layers) svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    mark(behind, spec.marks[0], colours);
    mark(before, spec.marks[1], colours);
    await reacted;
    [drawnWidth, drawnSpec] = [place, spec];
    behave(told?.kind ?? null);
    nameControls(el.closest(".shapelab") ?? document.body);
    el.dataset.drawn = String(Number(el.dataset.drawn ?? 0) + 1);
  }

  function behave(drawn) {
    if (drawn !== kind) {
      behaviour?.destroy?.();
      for (const svg of [pinned, parts, light]) svg.replaceChildren();
      view.stops([]);
      [kind, el.dataset.kind] = [drawn, drawn ?? ""];
      behaviour = behaviours[kind]?.(view) ?? null;
    }
    behaviour?.drawn?.();
    if (pointer) point(pointer);
  }

  function showTip(words, x, y) {
    tip.hidden = !words;
    if (!words) return;
    const { width, height } = model.get("spec").layout;
    if (kind === "convolution") [x, y] = [width / 2, height - 36]; // where it covers no cell that is looked at
    const right = x > width / 2; // it grows away from the nearer edge
    tip.textContent = words;
    tip.style.top = `${(100 * y) / height}%`;
    tip.style.left = right ? "" : `${(100 * x) / width}%`;
    tip.style.right = right ? `${100 - (100 * x) / width}%` : "";
  }

  // A place of the screen in the picture's own pixels.
  function placeOf(event) {
    const box = frame.getBoundingClientRect();
    const factor = model.get("spec").layout.width / box.width;
    return [(event.clientX - box.left) * factor, (event.clientY - box.top) * factor];
  }

  function point(event) {
    pointer = { clientX: event.clientX, clientY: event.clientY };
    const spec = model.get("spec");
    if (!spec?.layout || drawnSpec === null) return;
    const [x, y] = placeOf(event);
    const words = behaviour?.point?.(x, y);
    showTip(typeof words === "string" ? words : tipAt(spec, x, y), x, y);
  }

  function leave() {
    pointer = null;
    light.replaceChildren();
    tip.hidden = true;
    behaviour?.leave?.();
  }

  function press(event) {
    if (!model.get("spec")?.layout) return;
    point(event);
    behaviour?.press?.(...placeOf(event));
  }

  const sizes = new ResizeObserver(() => {
    const explorer = el.closest(".shapelab") ?? document.body;
    keepKeys(explorer);
    deaf ??= listenAround(explorer, view);
    const narrow = explorer.clientWidth <= 700;
    if (explorer.clientWidth && narrow !== model.get("narrow")) view.choose("narrow", narrow); // hidden, it has no width
    if (Math.abs(frame.clientWidth - drawnWidth) > 1 || drawnSpec !== model.get("spec")) draw();
  });
  const themes = new MutationObserver(draw);
  const watched = { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light"] };
  const preference = matchMedia("(prefers-color-scheme: dark)");
  const dim = () => el.classList.toggle("shapelab-dimmed", model.get("dimmed"));

  sizes.observe(frame);
  themes.observe(document.documentElement, watched);
  themes.observe(document.body, watched);
  preference.addEventListener("change", draw);
  frame.addEventListener("pointermove", point);
  frame.addEventListener("pointerleave", leave);
  frame.addEventListener("click", press);
  frame.addEventListener("keydown", (event) => behaviour?.key?.(event));
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
    behaviour?.destroy?.();
    deaf?.();
    globalThis.Plotly?.purge(sheet);
  };
}

export default { render };
