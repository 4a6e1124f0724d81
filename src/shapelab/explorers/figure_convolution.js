// A convolution under the pointer and the keys: an output cell lights its window, an input cell the outputs that read
// it, a kernel cell what it multiplies; a click pins an output's window. The kernel is told what is pinned, no more.

const LEAST_WEIGHT = 26; // pixels of the screen that a cell needs to have its weight written on it
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const STOPS = { padded: "padded input", kernel: "kernel", output: "output" };

behaviours.convolution = (view) => {
  let axes = [];
  let planes = {};
  let sizes = "";
  let weights = null; // rows of the kernel's numbers, where known
  let pin = null; // the output whose window is drawn: [row, column], or [channel, position]
  let awaited = null; // the pin that the kernel was told and has not drawn yet
  let cursor = null; // where the keys are: {name, at}
  const pinning = pinnedWindow(view);
  const player = windowPlayer(view, { count, at, go, words: () => (axes.length ? places(pin) : "") });

  // -- what is lit

  function rectangle(name, at, kind) {
    const made = view.box(...boxOf(planes[name], at), `shapelab-lit-${kind}`);
    Object.assign(made.dataset, { plane: name, row: at[0], column: at[1] });
    return made;
  }

  function written(at, text) {
    const [x, y, wide, high] = boxOf(planes.padded, at);
    const made = document.createElementNS(SVG, "text");
    const size = Math.min(10, wide / 3.4);
    for (const [name, value] of Object.entries({ x: x + wide / 2, y: y + high - size * 0.35, "font-size": size }))
      made.setAttribute(name, value);
    made.textContent = `×${text}`;
    return made;
  }

  function litWindow(output) {
    const cells = windowOf(axes, output);
    const homes = cells.filter(({ kind }) => kind === "repeated").map(({ place }) => homeOf(axes, place));
    const known = weights && (!axes[0].channels || output[0] === view.meta().channels[1]);
    const large = Math.min(...planes.padded.cell) * view.scale() >= LEAST_WEIGHT;
    return [
      ...homes.map((place) => rectangle("padded", place, "source")),
      ...cells.map(({ place, kind }) => rectangle("padded", place, kind)),
      rectangle("output", output, "output"),
      ...(known && large ? cells.map(({ place, tap }) => written(place, short(weights[tap[0]][tap[1]]))) : []),
    ];
  }

  function litInput(place) {
    const home = kindOf(axes, place) === "repeated" ? [rectangle("padded", homeOf(axes, place), "source")] : [];
    const readers = readersOf(axes, place).map((output) => rectangle("output", output, "output"));
    return [...home, rectangle("padded", place, kindOf(axes, place)), ...readers];
  }

  function litKernel(tap) {
    const { place, kind } = windowOf(axes, pin).find((cell) => cell.tap[0] === tap[0] && cell.tap[1] === tap[1]) ?? {};
    return [rectangle("kernel", tap, "kernel"), ...(place ? [rectangle("padded", place, kind)] : [])];
  }

  const lit = { padded: litInput, kernel: litKernel, output: litWindow };
  const show = (name, at) => view.light.replaceChildren(...lit[name](at));

  function under(x, y) {
    for (const name of ["output", "kernel", "padded"]) {
      const at = planes[name] && cellAt(planes[name], x, y);
      if (at) return { name, at };
    }
    return null;
  }

  // The words for a cell that the picture has no number for: padding and zeros between.
  function tipOf(found) {
    if (found?.name !== "padded") return null;
    const kind = kindOf(axes, found.at);
    if (kind === "padding") return "padding: 0";
    if (kind === "zero") return "a zero between cells";
    if (kind !== "repeated") return null;
    const [x, y, wide, high] = boxOf(planes.padded, homeOf(axes, found.at));
    const fill = axes.map(({ fill }) => fill).find((fill) => fill && fill !== "constant");
    return `${fill === "circular" ? "wrapped" : "mirrored"}: ${tipAt(view.spec(), x + wide / 2, y + high / 2) ?? ""}`;
  }

  // -- what is pinned

  function count() {
    return axes.length ? (axes[0].channels ? 1 : axes[0].n_out) * axes[1].n_out : 0;
  }

  function at() {
    return axes[0].channels ? pin[1] : pin[0] * axes[1].n_out + pin[1];
  }

  function go(index, tell) {
    const columns = axes[1].n_out;
    pinned(axes[0].channels ? [pin[0], index] : [Math.floor(index / columns), index % columns], tell);
  }

  function places(cell) {
    return axes[0].channels ? `output ${cell[1]}` : `output (${cell.join(", ")})`;
  }

  function pinned(cell, tell = true) {
    pin = cell;
    pinning.draw(axes, planes, pin);
    player.show();
    if (!tell) return;
    const told = JSON.stringify(cell);
    awaited = told === drawnCell() ? null : told;
    view.choose("cell", cell);
  }

  function drawnCell() {
    const { cell, channels } = view.meta();
    return JSON.stringify(axes[0].channels ? [channels[1], cell[0]] : cell);
  }

  // A click on an output pins it, one on an input cell the middle one of those that read it.
  function press({ name, at } = {}) {
    const outputs = name === "output" ? [at] : name === "padded" ? readersOf(axes, at) : [];
    if (!outputs.length) return;
    player.pause();
    pinned(outputs[Math.floor((outputs.length - 1) / 2)]);
    view.say(`pinned: ${outputWords(axes, pin)}`);
  }

  // -- the keys

  function focus(name) {
    const first = { output: pin, kernel: [0, 0], padded: windowOf(axes, pin)[0]?.place ?? [0, 0] }[name];
    moved({ name, at: cursor?.name === name ? cursor.at : first });
  }

  function moved(to) {
    const { counts } = planes[to.name];
    cursor = { name: to.name, at: to.at.map((at, i) => Math.min(Math.max(at, 0), counts[i] - 1)) };
    show(cursor.name, cursor.at);
    if (cursor.name === "kernel") view.say(`kernel (${cursor.at.join(", ")})`);
    else view.say((cursor.name === "output" ? outputWords : inputWords)(axes, cursor.at));
  }

  function target({ key, ctrlKey }, { name, at: [row, column] }) {
    const [rows, columns] = planes[name].counts;
    if (STEPS[key]) return [row + STEPS[key][0], column + STEPS[key][1]];
    if (key === "Home") return [ctrlKey ? 0 : row, 0];
    if (key === "End") return [ctrlKey ? rows - 1 : row, columns - 1];
    if (key === "PageUp") return [0, column];
    if (key === "PageDown") return [rows - 1, column];
    return null;
  }

  function key(event) {
    if (!event.target.dataset.stop || !cursor) return;
    const to = target(event, cursor);
    if (to) moved({ name: cursor.name, at: to });
    else if (event.key === "Enter" || event.key === " ") press(cursor);
    else if (event.key === "Escape") event.target.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function leave() {
    if (view.frame.contains(document.activeElement) && cursor) show(cursor.name, cursor.at);
    else view.light.replaceChildren();
  }

  function drawn() {
    const meta = view.meta();
    ({ planes } = meta);
    axes = axesOf(meta);
    const { z } = view.spec().data.find(({ name }) => name === "kernel");
    weights = meta.weights ? unpackArray(z) : null;
    const now = JSON.stringify([planes.padded.counts, planes.output.counts]);
    if (now !== sizes) awaited = null;
    if (awaited === drawnCell()) awaited = null;
    if (!pin || (!awaited && !(player.moving() && pin.length))) pin = JSON.parse(drawnCell());
    pin = pin.map((at, i) => Math.min(at, axes[i].n_out - 1));
    sizes = now;
    const size = ({ counts }) => `${counts[0]} by ${counts[1]} cells`;
    const name = (plane) => (axes[0].channels ? `${STOPS[plane]}, channels by positions` : STOPS[plane]);
    view.stops(
      Object.keys(STOPS).map((plane) => ({
        name: plane,
        box: boxOf(planes[plane], [0, 0], planes[plane].counts),
        label: `${name(plane)}, ${size(planes[plane])}. Arrow keys move${plane === "kernel" ? "" : ", Enter pins"}.`,
        focus: () => focus(plane),
        blur: () => view.light.replaceChildren(),
      })),
    );
    pinning.draw(axes, planes, pin);
    player.show();
    if (cursor && document.activeElement?.dataset.stop === cursor.name) moved(cursor);
    else view.light.replaceChildren();
  }

  return {
    point(x, y) {
      const found = under(x, y);
      if (found) show(found.name, found.at);
      else leave();
      return tipOf(found);
    },
    press: (x, y) => press(under(x, y) ?? undefined),
    key,
    leave,
    drawn,
    destroy() {
      player.destroy();
      pinning.destroy();
    },
  };
};
