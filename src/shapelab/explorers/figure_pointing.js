// What lies under the pointer, from what a picture says of itself: the kernel is not asked. Joined with figure_view.js
// into one module. A grid is {corner, cell, counts}: [x, y], [width, height], [rows, columns].

// For each kind of picture (layout.meta.kind) what it does under the pointer and the keys. A behaviour is a function
// (view) => ({ point(x, y), leave(), press(x, y), key(event), drawn(), destroy() }), each of them optional; x and y are
// in the picture's own pixels, and point may return words for the tip. figure_view.js says what a view offers.
const behaviours = {};

// The cell under a place; cells may be smaller than a pixel.
function cellAt(grid, x, y) {
  const column = Math.floor((x - grid.corner[0]) / grid.cell[0]);
  const row = Math.floor((y - grid.corner[1]) / grid.cell[1]);
  return row >= 0 && column >= 0 && row < grid.counts[0] && column < grid.counts[1] ? [row, column] : null;
}

// Left, top, width and height of some cells of a grid from one of them.
function boxOf(grid, [row, column], [rows, columns] = [1, 1]) {
  const [wide, high] = grid.cell;
  return [grid.corner[0] + column * wide, grid.corner[1] + row * high, columns * wide, rows * high];
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
