"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const config = { displayModeBar: false, responsive: true };
  const shown = { trace: 0 };

  /* Figures name their colours as CSS variables; the page's style sheet is the only place that knows them. */
  const coloured = (part, css) => {
    if (typeof part === "string" && part.startsWith("var(")) return css.getPropertyValue(part.slice(4, -1)).trim();
    if (Array.isArray(part)) return part.map((one) => coloured(one, css));
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([key, one]) => [key, coloured(one, css)]));
  };

  const axis = (css) => ({ gridcolor: css.getPropertyValue("--line").trim(), linecolor: css.getPropertyValue("--line").trim(),
    zerolinecolor: css.getPropertyValue("--muted").trim() });

  const draw = () => {
    const css = getComputedStyle(document.documentElement);
    const ink = css.getPropertyValue("--ink").trim();
    const card = css.getPropertyValue("--card").trim();
    const narrow = window.innerWidth < 600;
    for (const [id, figure] of Object.entries(figures)) {
      const { data, layout } = coloured(figure, css);
      layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
      layout.font = { family: css.getPropertyValue("--font").trim(), size: narrow ? 11 : 13, color: ink };
      layout.hoverlabel = { bgcolor: card, bordercolor: css.getPropertyValue("--line").trim(), font: { color: ink } };
      for (const name of Object.keys(layout)) {
        if (/^[xy]axis\d*$/.test(name)) layout[name] = { ...axis(css), ...layout[name] };
      }
      if (layout.xaxis.rangeselector) {
        Object.assign(layout.xaxis.rangeselector, { bgcolor: card, activecolor: css.getPropertyValue("--wash-strong").trim() });
      }
      if (narrow && layout.legend) {
        layout.legend = { orientation: "h", x: 0, y: layout.xaxis.title ? -0.3 : -0.1, yanchor: "top" };
        layout.margin = { l: 48, r: 8, t: 44, b: 64 };
      }
      if (narrow && layout.meta === "few ticks") {
        for (const name of ["tickvals", "ticktext"]) layout.xaxis[name] = layout.xaxis[name].filter((_, place) => place % 3 === 0);
      }
      /* One trace of such a figure at a time: the radio buttons say which. */
      if (layout.meta === "span") data.forEach((trace, position) => { trace.visible = position === shown.trace; });
      Plotly.react(id, data, layout, config);
    }
  };

  /* The charts' library is packed in the page: a third of its size. */
  const unpacked = (id) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };

  const start = (library) => {
    const script = document.createElement("script");
    script.textContent = library;
    document.head.append(script);
    listen();
    draw();
  };

  const listen = () => {
    document.querySelectorAll("input[name=span]").forEach((input) => {
      input.addEventListener("change", () => { shown.trace = Number(input.value); draw(); });
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    matchMedia("(max-width: 599px)").addEventListener("change", draw);
    const paper = (isOn) => () => { document.documentElement.classList.toggle("paper", isOn); draw(); };
    window.addEventListener("beforeprint", paper(true));
    window.addEventListener("afterprint", paper(false));
  };

  unpacked("plotly").then(start);
})();
