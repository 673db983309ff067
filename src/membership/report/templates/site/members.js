// The table of members: filtered and sorted by numbers of rows, and only the rows in view are in the document.
(function () {
  "use strict";
  var HEIGHT = 34, SPARE = 10, data = MEMBERS, total = data.member.length;
  var PHRASES = JSON.parse(document.getElementById("phrases").textContent), LANGUAGE = document.documentElement.lang;
  // What is said, in the language of the page; {1} is the first of what else is given.
  function say(text) { var given = arguments; return (PHRASES[text] || text).replace(/\{(\d)\}/g, function (all, place) { return given[place]; }); }
  function number(value) { return value === null ? "-" : value.toLocaleString(LANGUAGE, { maximumFractionDigits: 0 }); }
  function share(value) { return value === null ? "-" : value.toLocaleString(LANGUAGE, { style: "percent", maximumFractionDigits: 0 }); }
  var columns = [["member", say("member")], ["tier", say("tier")], ["stage", say("stage")], ["persona", say("persona")], ["chance", say("chance")],
    ["value", say("value")], ["next_action", say("next action")]];
  var COLOURS = JSON.parse(document.getElementById("colours").textContent), known = [];
  (data.history || []).forEach(function (coded) { coded.words.forEach(function (stage) { if (stage && known.indexOf(stage) < 0) { known.push(stage); } }); });
  var kept = [], by = "value", down = true;
  var box = document.getElementById("rows"), body = document.querySelector("#table tbody"), head = document.querySelector("#table thead tr");
  function word(name, row) { var coded = data.words[name]; return coded ? coded.words[coded.codes[row]] : ""; }
  function raw(name, row) { return data.words[name] ? data.words[name].codes[row] : data[name][row]; }
  function shown(name, row) {
    if (name === "chance") { return share(data.chance[row]); }
    if (name === "value") { return number(data.value[row]); }
    return data.words[name] ? word(name, row) : data[name][row];
  }
  function make(kind, text, within) { var one = document.createElement(kind); if (text !== undefined) { one.textContent = text; } if (within) { within.appendChild(one); } return one; }
  function filter() {
    var asked = document.getElementById("search").value.trim().toLowerCase(), picks = [];
    document.querySelectorAll("[data-filter]").forEach(function (one) { if (one.value !== "") { picks.push([one.dataset.filter, Number(one.value)]); } });
    var least = Number(document.getElementById("least").value) / 100, most = Number(document.getElementById("most").value) / 100;
    var meant = asked && data.words.next_action ? data.words.next_action.words.map(function (text) { return text.toLowerCase().indexOf(asked) >= 0; }) : [];
    kept = [];
    for (var row = 0; row < total; row += 1) {
      var chance = data.chance[row] === null ? 0 : data.chance[row];
      if (chance < least - 1e-9 || chance > most + 1e-9) { continue; }
      if (picks.some(function (pick) { return raw(pick[0], row) !== pick[1]; })) { continue; }
      if (asked && data.member[row].indexOf(asked) < 0 && !meant[raw("next_action", row)]) { continue; }
      kept.push(row);
    }
    sort();
  }
  function sort() {
    kept.sort(function (a, b) { var one = raw(by, a), two = raw(by, b), more = one === two ? a - b : one > two ? 1 : -1; return one === two ? more : down ? -more : more; });
    document.getElementById("count").textContent = say("{1} of {2} members", number(kept.length), number(total));
    head.querySelectorAll("th").forEach(function (one, place) { one.setAttribute("aria-sort", columns[place][0] !== by ? "none" : down ? "descending" : "ascending"); });
    box.scrollTop = 0;
    draw();
  }
  function draw() {
    var first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - SPARE), last = Math.min(kept.length, first + Math.ceil(box.clientHeight / HEIGHT) + 2 * SPARE);
    body.textContent = "";
    space(first);
    for (var place = first; place < last; place += 1) { body.appendChild(line(kept[place])); }
    space(kept.length - last);
  }
  function space(rows) { if (rows > 0) { var cell = make("td", undefined, make("tr", undefined, body)); cell.colSpan = columns.length; cell.style.height = rows * HEIGHT + "px"; cell.style.padding = 0; } }
  function line(row) {
    var one = make("tr");
    columns.forEach(function (column, place) {
      var cell = make("td", undefined, one), text = shown(column[0], row);
      if (place === 0) { var button = make("button", text, cell); button.type = "button"; button.addEventListener("click", function () { tell(row); }); } else { cell.textContent = text; cell.title = text; }
    });
    return one;
  }
  function tell(row) {
    var place = document.getElementById("member"), list, days = data.days || [];
    place.textContent = "";
    make("h2", say("Member {1}", data.member[row]), place);
    make("p", say("Next: {1}", word("next_action", row)), place);
    list = make("ul", undefined, place);
    make("li", say("Tier {1}", word("tier", row)), list);
    if (word("next_tier", row)) { make("li", say("{1} to spend for {2}", number(data.to_next[row]), word("next_tier", row)), list); }
    make("li", say("{1} points", number(data.points[row])), list);
    make("li", say("Stage {1}; persona {2}; main need {3}", word("stage", row), word("persona", row), word("main_need", row)), list);
    make("li", say("Worth {1} of margin over the horizon; {2}", shown("value", row), word("rfm_segment", row)), list);
    make("li", say("Benefits: {1}", word("benefits", row) || say("none")), list);
    if (days.length) { make("li", say("Chance of coming back: {1}", days.map(function (day) { return say("within {1} days {2}", day, share(data.chances[String(day)][row])); }).join(", ")), list); }
    for (var rank = 1; data.words["item_" + rank]; rank += 1) { if (word("item_" + rank, row)) { make("li", say("Recommend {1}: {2}", word("item_" + rank, row), word("item_" + rank + "_reason", row)), list); } }
    if (days.length) { curve(row, place); }
    if (data.months) { timeline(row, place); }
    place.scrollIntoView({ block: "nearest" });
  }
  function draw_in(within, kind, looks, text) {
    var one = document.createElementNS("http://www.w3.org/2000/svg", kind);
    Object.keys(looks).forEach(function (name) { one.setAttribute(name, looks[name]); });
    if (text !== undefined) { one.textContent = text; }
    return within.appendChild(one);
  }
  function picture(place, title, height) {
    var figure = make("figure", undefined, place);
    make("figcaption", title, figure);
    return draw_in(figure, "svg", { viewBox: "0 0 600 " + height, role: "img", "aria-label": title, "class": "drawn-here" });
  }
  // The chance of coming back by each day, from the horizons that are stored; between them it is drawn straight.
  function curve(row, place) {
    var svg = picture(place, say("Chance of coming back by day"), 190), last = data.days[data.days.length - 1], line = ["40,160"];
    function across(day) { return 40 + 520 * day / last; }
    draw_in(svg, "path", { d: "M40 10V160H580", fill: "none", stroke: "currentColor", opacity: 0.4 });
    data.days.forEach(function (day) {
      var chance = data.chances[String(day)][row], high = 160 - 140 * chance;
      draw_in(svg, "text", { x: across(day), y: 180, "text-anchor": "middle" }, say("{1} d", day));
      if (chance === null) { return; }
      line.push(across(day) + "," + high);
      draw_in(svg, "circle", { cx: across(day), cy: high, r: 4, fill: COLOURS[0] });
      draw_in(svg, "text", { x: across(day), y: Math.max(high - 8, 12), "text-anchor": "middle" }, share(chance));
    });
    draw_in(svg, "polyline", { points: line.join(" "), fill: "none", stroke: COLOURS[0], "stroke-width": 2 });
  }
  // A band a month in the colour of the member's stage; the table below says the same in words.
  function bands(row, place) {
    var svg = picture(place, say("Stages month by month"), 60), broad = 580 / data.months.length;
    data.months.forEach(function (month, at) {
      var coded = data.history[at], stage = coded.words[coded.codes[row]];
      var band = draw_in(svg, "rect", { x: 10 + at * broad, y: 5, width: Math.max(broad - 2, 1), height: 30, fill: stage ? COLOURS[known.indexOf(stage) % COLOURS.length] : "none" });
      draw_in(band, "title", {}, month + ": " + (stage || "-"));
      if (at % Math.ceil(data.months.length / 6) === 0) { draw_in(svg, "text", { x: 10 + at * broad, y: 52 }, month.slice(0, 7)); }
    });
  }
  function timeline(row, place) {
    bands(row, place);
    var table = make("table", undefined, make("div", undefined, place)), months = make("tr", undefined, make("thead", undefined, table)), stages = make("tr", undefined, make("tbody", undefined, table));
    table.parentNode.className = "wide"; table.parentNode.tabIndex = 0; table.parentNode.setAttribute("role", "region"); table.parentNode.setAttribute("aria-label", say("Stages month by month"));
    data.months.forEach(function (month, at) { make("th", month, months); make("td", data.history[at].words[data.history[at].codes[row]] || "-", stages); });
  }
  columns.forEach(function (column) {
    var cell = make("th", undefined, head), button = make("button", column[1], cell);
    button.type = "button";
    button.addEventListener("click", function () { down = by === column[0] ? !down : column[0] === "value" || column[0] === "chance"; by = column[0]; sort(); });
  });
  document.querySelectorAll("[data-filter]").forEach(function (one) {
    var coded = data.words[one.dataset.filter];
    if (coded) { coded.words.forEach(function (text, code) { make("option", text || "-", one).value = code; }); }
    one.addEventListener("change", filter);
  });
  ["search", "least", "most"].forEach(function (name) { document.getElementById(name).addEventListener("input", filter); });
  document.getElementById("filters").addEventListener("submit", function (event) { event.preventDefault(); });
  box.addEventListener("scroll", draw);
  filter();
})();
