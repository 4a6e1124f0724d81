// A convolution under the pointer: from an output cell to its window, and from a padded cell to the outputs that read it.

behaviours.window_grid = (view) => {
  function lit(x, y) {
    const { stride, span, padded, output } = view.meta();
    const out = cellAt(output, x, y);
    if (out) {
      const start = out.map((at, axis) => at * stride[axis]);
      return { cell: out, boxes: [boxOf(padded, start, span), boxOf(output, out)] };
    }
    const read = cellAt(padded, x, y);
    if (!read) return { boxes: [] };
    const first = read.map((at, axis) => Math.max(0, Math.ceil((at - span[axis] + 1) / stride[axis])));
    const last = read.map((at, axis) => Math.min(output.counts[axis] - 1, Math.floor(at / stride[axis])));
    const counts = last.map((at, axis) => at - first[axis] + 1);
    const here = boxOf(padded, read);
    return { boxes: counts.some((count) => count < 1) ? [here] : [here, boxOf(output, first, counts)] };
  }
  return {
    point: (x, y) => view.light.replaceChildren(...lit(x, y).boxes.map((box) => view.box(...box))),
    press(x, y) {
      const { cell } = lit(x, y);
      if (cell) view.choose("cell", cell);
    },
  };
};
