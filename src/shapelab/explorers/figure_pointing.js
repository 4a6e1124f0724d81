// What lies under the pointer, from what a picture says of itself: the kernel is not asked. Joined before
// figure_view.js into one module. A grid is {corner, cell, counts}: [x, y], [width, height], [rows, columns].

// The cell under a place; cells may be smaller than a pixel.
function cellAt(grid, x, y) {
  const column = Math.floor((x - grid.corner[0]) / grid.cell[0]);
  const row = Math.floor((y - grid.corner[1]) / grid.cell[1]);
  return row >= 0 && column >= 0 && row < grid.counts[0] && column < grid.counts[1] ? [row, column] : null;
}

function boxOf(grid, [row, column], [rows, columns]) {
  return {
    x: grid.corner[0] + column * grid.cell[0],
    y: grid.corner[1] + row * grid.cell[1],
    width: columns * grid.cell[0],
    height: rows * grid.cell[1],
  };
}

// The window under the pointer: from an output cell to its window, and from a padded cell to the outputs that read it.
function touched(meta, x, y) {
  const { stride, span, padded, output } = meta;
  const out = cellAt(output, x, y);
  if (out) {
    const start = [out[0] * stride[0], out[1] * stride[1]];
    return { cell: out, boxes: [boxOf(padded, start, span), boxOf(output, out, [1, 1])] };
  }
  const read = cellAt(padded, x, y);
  if (!read) return null;
  const first = read.map((at, axis) => Math.max(0, Math.ceil((at - span[axis] + 1) / stride[axis])));
  const last = read.map((at, axis) => Math.min(output.counts[axis] - 1, Math.floor(at / stride[axis])));
  const counts = last.map((at, axis) => at - first[axis] + 1);
  const here = boxOf(padded, read, [1, 1]);
  return { boxes: counts.some((count) => count < 1) ? [here] : [here, boxOf(output, first, counts)] };
}

// The words for what is under the pointer, or null: a text of the grid's own, or the number of the cell's block.
function tipAt(spec, x, y) {
  for (const grid of spec.layout.meta.tips ?? []) {
    const cell = cellAt(grid, x, y);
    if (!cell) continue;
    if (grid.texts) return grid.texts[cell[0] * grid.counts[1] + cell[1]];
    const block = cell.map((at, axis) => Math.floor(at / grid.blocks[axis]));
    const { shape, float32 } = spec.data[grid.trace].z;
    const value = float32.getFloat32(4 * (block[0] * shape[1] + block[1]), true);
    const ends = block.map((at, axis) => {
      const [first, size] = [at * grid.blocks[axis], grid.blocks[axis]];
      const last = Math.min(first + size, grid.counts[axis]) - 1;
      return first === last ? `${first}` : `${first}–${last}`;
    });
    const largest = Math.max(...grid.blocks) > 1 ? ", largest" : "";
    return `${grid.says} [${ends.join(", ")}]${largest} = ${Number(value.toPrecision(4))}`;
  }
  return null;
}
