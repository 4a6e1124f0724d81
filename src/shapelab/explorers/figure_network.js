// A network under the pointer: a click on a block selects its stage.

behaviours.network = (view) => ({
  press(x, y) {
    const block = view.meta().blocks.find((b) => x >= b.x0 && x <= b.x1 && y >= b.y0 && y <= b.y1);
    if (block && block.stage >= 0) view.choose("stage", block.stage);
  },
});
behaviours.pipeline = behaviours.network;
