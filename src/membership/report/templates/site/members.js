// The table of members: filtered and sorted by numbers of rows, and only the rows in view are in the document.
(function () {
  "use strict";
  var HEIGHT = 34, SPARE = 10, data = MEMBERS, total = data.member.length;
  var columns = [["member", "member"], ["tier", "tier"], ["stage", "stage"], ["persona", "persona"], ["chance", "chance"],
    ["value", "value"], ["next_action", "next action"]];
  var kept = [], by = "value", down = true;
  var box = document.getElementById("rows"), body = document.querySelector("#table tbody"), head = document.querySelector("#table thead tr");
  function word(name, row) { var coded = data.words[name]; return coded ? coded.words[coded.codes[row]] : ""; }
  function raw(name, row) { return data.words[name] ? data.words[name].codes[row] : data[name][row]; }
  function shown(name, row) {
    if (name === "chance") { return data.chance[row] === null ? "-" : Math.round(100 * data.chance[row]) + "%"; }
    if (name === "value") { return data.value[row] === null ? "-" : data.value[row].toLocaleString("en", { maximumFractionDigits: 0 }); }
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
    document.getElementById("count").textContent = kept.length.toLocaleString("en") + " of " + total.toLocaleString("en") + " members";
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
    make("h2", "Member " + data.member[row], place);
    make("p", "Next: " + word("next_action", row), place);
    list = make("ul", undefined, place);
    make("li", "Tier " + word("tier", row) + (word("next_tier", row) ? ", " + data.to_next[row].toLocaleString("en") + " to spend for " + word("next_tier", row) : "") + "; " + data.points[row].toLocaleString("en") + " points", list);
    make("li", "Stage " + word("stage", row) + "; persona " + word("persona", row) + "; main need " + word("main_need", row), list);
    make("li", "Worth " + shown("value", row) + " of margin over the horizon; " + word("rfm_segment", row), list);
    make("li", "Benefits: " + (word("benefits", row) || "none"), list);
    if (days.length) { make("li", "Chance of an order within " + days.map(function (day) { var chance = data.chances[String(day)][row]; return day + " days " + (chance === null ? "-" : Math.round(100 * chance) + "%"); }).join(", "), list); }
    for (var rank = 1; data.words["item_" + rank]; rank += 1) { if (word("item_" + rank, row)) { make("li", "Recommend " + word("item_" + rank, row) + ": " + word("item_" + rank + "_reason", row), list); } }
    if (data.months) { timeline(row, place); }
    place.scrollIntoView({ block: "nearest" });
  }
  function timeline(row, place) {
    var table = make("table", undefined, make("div", undefined, place)), months = make("tr", undefined, make("thead", undefined, table)), stages = make("tr", undefined, make("tbody", undefined, table));
    table.parentNode.className = "wide"; table.parentNode.tabIndex = 0; table.parentNode.setAttribute("role", "region"); table.parentNode.setAttribute("aria-label", "Stages month by month");
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
