// How plotly.js comes to a page. Joined before figure_view.js into one module.

function loadScript(address) {
  return new Promise((resolve, reject) => {
    const amd = globalThis.define; // a page with an AMD loader would swallow the bundle
    globalThis.define = undefined;
    const script = document.createElement("script");
    const done = (then) => () => {
      globalThis.define = amd;
      then();
    };
    script.src = address;
    script.onload = done(() => resolve(globalThis.Plotly));
    script.onerror = done(() => reject(new Error(`could not load ${address}`)));
    document.head.append(script);
  });
}

function askKernel(model) {
  return new Promise((resolve, reject) => {
    const onMessage = async (content, buffers) => {
      if (content.give !== "plotly") return;
      model.off("msg:custom", onMessage);
      try {
        const unzipped = new Blob([buffers[0]]).stream().pipeThrough(new DecompressionStream("gzip"));
        const code = await new Response(unzipped).blob();
        const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
        resolve(await loadScript(address));
        URL.revokeObjectURL(address);
      } catch (error) {
        reject(error);
      }
    };
    model.on("msg:custom", onMessage);
    model.send({ ask: "plotly" });
  });
}

const FIRST_WORDS = 400; // ms

// Once a page, however many pictures: from the page's own address where it names one, else from the kernel. To run
// plotly.js for the first time holds a page for a second. A page that has shown a first picture can wait with that until
// whoever moved a control at once has been answered in words.
function plotly(model) {
  if (!globalThis.shapelabPlotly) {
    const address = document.querySelector('meta[name="shapelab-plotly"]')?.content;
    const rest = document.querySelector("[data-shapelab-first]") ? FIRST_WORDS : 0;
    const rested = new Promise((resolve) => setTimeout(resolve, rest));
    globalThis.shapelabPlotly = address ? rested.then(() => loadScript(address)) : askKernel(model);
    globalThis.shapelabPlotly.catch(() => (globalThis.shapelabPlotly = undefined));
  }
  return globalThis.shapelabPlotly;
}
