// What a sliding window reads, from the axes that a picture carries: places are those of the padded plane, of which
// sources tells the input cell shown there (-1: a constant). Joined with figure_view.js into one module.

// One spatial axis: the places under the taps of an output's window, and the outputs that have a tap on some places.
function spatialAxis(told) {
  const { size, stride, dilation, n_out: outputs, lo } = told;
  const sources = unpackArray(told.sources);
  const shown = new Map(); // input cell -> the places that show it
  sources.forEach((source, place) => source >= 0 && shown.set(source, [...(shown.get(source) ?? []), place]));
  const inside = (place) => place >= lo && place < sources.length - told.hi;
  return {
    ...told,
    sources,
    inside,
    home: (source) => lo + source * told.base_dilation,
    taps: (output) => Array.from({ length: size }, (_, tap) => output * stride + tap * dilation),
    copies: (place) => shown.get(sources[place]) ?? [place],
    readers(places) {
      const found = new Set();
      for (const place of places) {
        for (let tap = 0; tap < size; tap++) {
          const start = place - tap * dilation;
          if (start >= 0 && start % stride === 0 && start / stride < outputs) found.add(start / stride);
        }
      }
      return [...found].sort((one, other) => one - other);
    },
  };
}

// The channels of a 1-D picture, which it shows as rows: each output channel reads those of its group.
function channelAxis({ group: [given, made], planes }) {
  const [rows, outputs] = [planes.padded.counts[0], planes.output.counts[0]];
  const from = (first, count, end) => Array.from({ length: count }, (_, i) => first + i).filter((at) => at < end);
  return {
    channels: true,
    n_out: outputs,
    inside: () => true,
    sources: from(0, rows, rows),
    home: (row) => row,
    taps: (channel) => from(Math.floor(channel / made) * given, given, rows),
    copies: (row) => [row],
    readers: ([row]) => from(Math.floor(row / given) * made, made, outputs),
  };
}

function axesOf(meta) {
  const axes = meta.axes.map(spatialAxis);
  return axes.length === 1 ? [channelAxis(meta), axes[0]] : axes;
}

// What a padded cell is: "cell", "zero" between spread cells, "padding", or "repeated" from within the input.
function kindOf(axes, place) {
  const real = axes.every((axis, i) => axis.sources[place[i]] >= 0);
  if (axes.every((axis, i) => axis.inside(place[i]))) return real ? "cell" : "zero";
  return real ? "repeated" : "padding";
}

// Where a padded cell's value comes from, as a padded cell.
function homeOf(axes, place) {
  return axes.map((axis, i) => axis.home(axis.sources[place[i]]));
}

// The cells under an output's window: {place, tap, kind}.
function windowOf(axes, output) {
  const [rows, columns] = axes.map((axis, i) => axis.taps(output[i]));
  return rows.flatMap((row, i) =>
    columns.map((column, j) => ({ place: [row, column], tap: [i, j], kind: kindOf(axes, [row, column]) })),
  );
}

// The outputs that read what a padded cell shows, wherever else that is shown.
function readersOf(axes, place) {
  const real = axes.every((axis, i) => axis.sources[place[i]] >= 0);
  const [rows, columns] = axes.map((axis, i) => axis.readers(real ? axis.copies(place[i]) : [place[i]]));
  return rows.flatMap((row) => columns.map((column) => [row, column]));
}

// "3 to 5", "0, 2, 4", "none".
function runs(numbers) {
  const sorted = [...new Set(numbers)].sort((one, other) => one - other);
  if (!sorted.length) return "none";
  const [first, last] = [sorted[0], sorted.at(-1)];
  const whole = last - first === sorted.length - 1;
  const text = sorted.length === 1 ? `${first}` : whole ? `${first} to ${last}` : sorted.join(", ");
  return text.replaceAll("-", "−");
}

const PLURALS = { H: "rows", W: "columns", L: "positions" };

// What a window reads, in words: "rows −1 to 1, columns 3 to 5"; of a spread input the cells that are not zeros between.
function reachWords(axes, output) {
  const words = axes.map((axis, i) => {
    if (axis.channels) return `channels ${runs(axis.taps(output[i]))}`;
    const places = axis.taps(output[i]);
    const spread = axis.base_dilation > 1;
    const cells = spread ? places.map((at) => axis.sources[at]).filter((at) => at >= 0) : places.map((at) => at - axis.lo);
    return `${PLURALS[axis.name]} ${runs(cells)}`;
  });
  return words.join(", ");
}

function outputWords(axes, output) {
  const among = windowOf(axes, output);
  const count = (...kinds) => among.filter(({ kind }) => kinds.includes(kind)).length;
  const [padding, zeros] = [count("padding", "repeated"), count("zero")];
  const also = zeros ? `, ${zeros} zeros between cells` : "";
  return `output (${output.join(", ")}) reads ${reachWords(axes, output)}; ${padding} ${padding === 1 ? "cell is" : "cells are"} padding${also}`;
}

function inputWords(axes, place) {
  const kind = kindOf(axes, place);
  const at = axes.map((axis, i) => (kind === "cell" ? axis.sources[place[i]] : place[i] - (axis.lo ?? 0)));
  const name = { cell: "input", zero: "zero between cells", padding: "padding", repeated: "repeated padding" }[kind];
  const readers = readersOf(axes, place);
  const by = axes.map((axis, i) => `${axis.channels ? "channels" : PLURALS[axis.name]} ${runs(readers.map((to) => to[i]))}`);
  const here = `${name} (${at.join(", ")})`.replaceAll("-", "−");
  return readers.length ? `${here} is read by outputs in ${by.join(", ")}` : `${here} is read by no output`;
}

// A number in at most five characters, as in the cells.
function short(value) {
  const size = Math.abs(value);
  let text;
  if (Number.isInteger(value) && size < 9999.5) text = `${value}`;
  else if (size >= 9999.5 || size < 0.00995) text = value.toExponential(0).replace("e+", "e");
  else if (size < 0.0995) text = value.toFixed(3).replace("0.", ".");
  else text = value.toFixed(size >= 9.95 ? 0 : size >= 0.995 ? 1 : 2);
  return text.replaceAll("-", "−");
}
