// Brings this package's module to a page once, however many widgets: from the address that the page names, else from
// the kernel. DIGEST and PART are filled in.

const named = () => document.querySelector('meta[name="shapelab-module"]')?.content;

function asked(model) {
  return new Promise((resolve, reject) => {
    const onMessage = async (content, buffers) => {
      if (content.give !== "module") return;
      model.off("msg:custom", onMessage);
      const address = URL.createObjectURL(new Blob([buffers[0]], { type: "text/javascript" }));
      try {
        const module = await import(address);
        const sheet = document.createElement("style");
        sheet.textContent = new TextDecoder().decode(buffers[1]);
        document.head.append(sheet);
        resolve(module);
      } catch (error) {
        reject(error);
      }
      URL.revokeObjectURL(address);
    };
    model.on("msg:custom", onMessage);
    model.send({ ask: "module" });
  });
}

function load(model) {
  const modules = (globalThis.shapelabModules ??= {});
  if (!modules["DIGEST"]) {
    const address = named();
    modules["DIGEST"] = address ? import(new URL(address, document.baseURI)) : asked(model);
    modules["DIGEST"].catch(() => delete modules["DIGEST"]);
  }
  return modules["DIGEST"];
}

export default {
  async render(context) {
    const module = await load(context.model);
    return module["PART"].render(context);
  },
};
