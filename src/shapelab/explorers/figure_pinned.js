// The pinned window of a convolution: its frame on the padded input, the output's, and lines by way of the kernel. As
// figures/window_grid.py and window_strip.py draw it where there is no script. Joined with figure_view.js.

function pinnedWindow(view) {
  const line = () => document.createElementNS(SVG, "path");
  const frames = [view.box(0, 0, 0, 0), view.box(0, 0, 0, 0)];
  const links = [line(), line(), line()];
  view.pinned.replaceChildren(...frames, ...links);
  const round = (...at) => at.map((number) => number.toFixed(1)).join(",");

  // A line that leaves and arrives level, or plumb where upright.
  function bent([x0, y0], [x1, y1], upright) {
    const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
    const bends = upright ? [round(x0, y), round(x1, y)] : [round(x, y0), round(x, y1)];
    return `M ${round(x0, y0)} C ${bends.join(" ")} ${round(x1, y1)}`;
  }

  function level([x, y, wide, high], [left, top, across, down], kernel) {
    const middle = kernel[1] + kernel[3] / 2;
    return [
      bent([x + wide, y + high / 2], [kernel[0] - 6, middle]),
      bent([kernel[0] + kernel[2] + 6, middle], [left, top + down / 2]),
      "",
    ];
  }

  function plumb([x, , wide], [left, top, across], [kx, ky, kw, kh], below) {
    return [
      `M ${round(x, below)} L ${round(kx, ky - 4)}`,
      `M ${round(x + wide, below)} L ${round(kx + kw, ky - 4)}`,
      bent([kx + kw / 2, ky + kh + 4], [left + across / 2, top], true),
    ];
  }

  function draw(axes, { padded, kernel, output }, cell) {
    const starts = axes.map((axis, i) => axis.taps(cell[i])[0] ?? 0);
    const spans = axes.map((axis, i) => (axis.channels ? axis.taps(cell[i]).length : axis.span));
    const boxes = [boxOf(padded, starts, spans), boxOf(output, cell)];
    frames.forEach((frame, i) => {
      ["x", "y", "width", "height"].forEach((name, side) => frame.setAttribute(name, boxes[i][side]));
    });
    const whole = boxOf(kernel, [0, 0], kernel.counts);
    const kind = view.meta().links;
    const below = padded.corner[1] + padded.cell[1] * padded.counts[0] + 4;
    const paths = kind === "level" ? level(...boxes, whole) : kind === "plumb" ? plumb(...boxes, whole, below) : [];
    links.forEach((link, i) => link.setAttribute("d", paths[i] ?? ""));
    Object.assign(view.pinned.dataset, { row: cell[0], column: cell[1] });
  }

  return { draw, destroy: () => view.pinned.replaceChildren() };
}
