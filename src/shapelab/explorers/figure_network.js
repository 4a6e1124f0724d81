// A network under the pointer and the keys: each block and each arrow that stands for a stage can be chosen; a block of
// several stages gives the next one each time. Lines of the source that made a block are lit with it.

behaviours.network = (view) => {
  let on = -1; // which block is pointed at
  let at = 0; // the one that the keys reach
  const blocks = () => view.meta().blocks ?? [];
  const hit = (x, y) => blocks().findLastIndex(({ box: [left, top, wide, high] }) => x >= left && x <= left + wide && y >= top && y <= top + high);
  const linesOf = (block) => (block?.stages ?? []).flatMap((stage) => [
    ...(view.el.closest(".shapelab") ?? document).querySelectorAll(`[data-makes~="${stage}"]`),
  ]);

  function light(index) {
    if (index !== on) linesOf(blocks()[on]).forEach((line) => line.classList.remove("sl-source-pointed"));
    on = index;
    const block = blocks()[index];
    linesOf(block).forEach((line) => line.classList.add("sl-source-pointed"));
    view.light.replaceChildren(...(block ? [view.box(...block.box, "shapelab-block")] : []));
    view.frame.style.cursor = block?.stages.length ? "pointer" : "";
    return block?.says;
  }

  // The first stage of a block, or the one behind that which was chosen before.
  function choose(index) {
    const block = blocks()[index];
    if (!block?.stages.length) return;
    const last = block.stages.indexOf(view.meta().selected ?? -1);
    const stage = block.stages[(last + 1) % block.stages.length];
    view.choose("stage", stage);
    view.say(`selected ${view.meta().parts?.[`stage-${stage}`]?.says ?? `stage ${stage}`}`);
  }

  function move(to) {
    at = Math.min(Math.max(to, 0), blocks().length - 1);
    place();
    const block = blocks()[at];
    light(at);
    view.tip(block.says, block.box[0] + block.box[2] / 2, block.box[1]);
    view.say(block.says);
  }

  // One place for the keys, over the block that they reached; arrows move it from block to block.
  function place() {
    const block = blocks()[at];
    if (!block) return view.stops([]);
    const label = `${view.meta().alt}. Arrow keys go from block to block, Enter selects a stage.`;
    const leave = () => (light(-1), view.tip(null));
    view.stops([{ name: "block", box: block.box, label, focus: () => move(at), blur: leave }]);
  }

  return {
    point: (x, y) => light(hit(x, y)),
    leave: () => void light(-1),
    press(x, y) {
      const index = hit(x, y);
      if (index < 0) return;
      at = index;
      place();
      choose(index);
    },
    key(event) {
      const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
      if (event.key in steps) move(at + steps[event.key]);
      else if (event.key === "Enter" || event.key === " ") choose(at);
      else return;
      event.preventDefault();
    },
    drawn() {
      at = Math.min(at, blocks().length - 1);
      place();
    },
    destroy: () => void light(-1),
  };
};

// Feature maps and the image that went in: the same cell is lit in all maps, a click pins it.
behaviours.maps = (view) => {
  let at = [0, 0]; // the cell that the keys reach
  const maps = () => view.meta().maps ?? [];
  const first = () => maps()[0]?.plane;

  function found(x, y) {
    for (const map of [...maps(), ...(view.meta().image ? [view.meta().image] : [])]) {
      const cell = cellAt(map.plane, x, y);
      if (cell) return { map, cell };
    }
    return null;
  }

  const number = (value) => String(Number(value.toPrecision(4)));

  function value({ corner, blocks, repeat = [1, 1], trace, low = 0, high = 1 }, cell) {
    const { shape, float32 } = view.spec().data[trace].z;
    const [row, column] = cell.map((place, axis) => corner[axis] + Math.floor(place / blocks[axis]) * repeat[axis]);
    return low + (high - low) * float32.getFloat32(4 * (row * shape[1] + column), true);
  }

  // Heat is drawn by powers of ten; a cell without any has no number.
  function gradient(map, cell) {
    const share = value({ ...map, trace: map.heat.trace }, cell);
    const size = Number.isNaN(share) ? 0 : map.heat.largest * 10 ** ((share - 1) * map.heat.decades);
    return `, gradient ${share === 0 ? "at most " : ""}${number(size)}`;
  }

  function says(map, cell) {
    const ends = cell.map((place, axis) => {
      const size = map.blocks[axis];
      const from = Math.floor(place / size) * size;
      const to = Math.min(from + size, map.plane.counts[axis]) - 1;
      return from === to ? `${from}` : `${from}–${to}`;
    });
    const known = map.trace === undefined ? "" : ` = ${number(value(map, cell))}`;
    const largest = known && Math.max(...map.blocks) > 1 ? ", largest" : "";
    return `${map.says} [${ends.join(", ")}]${largest}${known}${map.heat ? gradient(map, cell) : ""}`;
  }

  function light(cell) {
    view.light.replaceChildren(...(cell ? maps().map(({ plane }) => seen(plane, cell)) : []));
  }

  // A cell smaller than a few pixels gets a frame that can be seen.
  function seen(plane, cell) {
    const [x, y, wide, high] = boxOf(plane, cell);
    const [across, down] = [Math.max(wide, 5), Math.max(high, 5)];
    return view.box(x + (wide - across) / 2, y + (high - down) / 2, across, down, "shapelab-cell");
  }

  function move(cell) {
    const counts = first().counts;
    at = cell.map((place, axis) => Math.min(Math.max(place, 0), counts[axis] - 1));
    light(at);
    const words = says(maps()[0], at);
    const [x, y] = boxOf(first(), at);
    view.tip(words, x, y);
    view.say(words);
  }

  function place() {
    if (!first() || !view.meta().pins) return view.stops([]);
    const { plane } = maps()[0];
    const box = boxOf(plane, [0, 0], plane.counts);
    const label = `${view.meta().alt} Arrow keys go from cell to cell, Enter shows what a cell depends on.`;
    const leave = () => (light(null), view.tip(null));
    view.stops([{ name: "maps", box, label, focus: () => move(view.meta().cell ?? at), blur: leave }]);
  }

  return {
    point(x, y) {
      const hit = found(x, y);
      light(hit && maps().includes(hit.map) ? hit.cell : null);
      view.frame.style.cursor = hit && view.meta().pins ? "pointer" : "";
      return hit ? says(hit.map, hit.cell) : undefined;
    },
    leave: () => light(null),
    press(x, y) {
      const hit = found(x, y);
      if (hit && view.meta().pins && maps().includes(hit.map)) view.choose("cell", (at = hit.cell));
    },
    key(event) {
      const far = event.shiftKey ? 8 : 1;
      const steps = { ArrowUp: [-far, 0], ArrowDown: [far, 0], ArrowLeft: [0, -far], ArrowRight: [0, far] };
      if (event.key in steps) move(at.map((place, axis) => place + steps[event.key][axis]));
      else if (event.key === "Enter" || event.key === " ") view.choose("cell", at);
      else return;
      event.preventDefault();
    },
    drawn: place,
  };
};
