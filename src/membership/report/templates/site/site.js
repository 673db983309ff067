// Draws each chart of the page from the JSON beside it, in the colours of the page, and again where those change.
(function () {
  "use strict";
  var language = document.documentElement.lang, signs = JSON.parse(document.getElementById("signs").textContent);
  if (signs.decimal) { Plotly.register({ moduleType: "locale", name: language, dictionary: {}, format: signs }); }
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function axes(layout, look) {
    Object.keys(layout).forEach(function (key) {
      if (/^[xy]axis/.test(key)) { layout[key] = Object.assign({ gridcolor: look.line, zerolinecolor: look.line, linecolor: look.line }, layout[key]); }
    });
  }
  function draw(place) {
    var name = place.dataset.chart, made = JSON.parse(document.getElementById(name + "-drawn").textContent);
    var look = { ink: colour("--ink"), line: colour("--line") };
    var layout = Object.assign({}, made.layout, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: look.ink, family: "system-ui, sans-serif", size: 13 }, autosize: true });
    axes(layout, look);
    Plotly.react(place, made.data, layout, { responsive: true, displayModeBar: false, locale: language });
  }
  function all() { document.querySelectorAll("[data-chart]").forEach(draw); }
  dark.addEventListener("change", all);
  all();
})();
