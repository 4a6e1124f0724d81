// Tells the page around the widgets its query.

export const address = {
  render({ model }) {
    const tell = () => document.dispatchEvent(new CustomEvent("shapelab-query", { detail: model.get("query") }));
    model.on("change:query", tell);
    tell();
  },
};
