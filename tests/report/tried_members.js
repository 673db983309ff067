// What a person would do with the table of members; what came of it stands in the page, as JSON.
addEventListener("load", function () {
  var told = {}, button = "#table thead button";
  function rows() {
    return [].map.call(document.querySelectorAll("#table tbody button"), function (one) { return one.textContent; });
  }
  function set(name, value, event) {
    var one = document.getElementById(name);
    one.value = value;
    one.dispatchEvent(new Event(event));
  }
  told.all = rows();
  set("search", "win back", "input"); told.found = rows(); set("search", "", "input");
  set("filter-tier", "0", "change"); told.tier = rows(); set("filter-tier", "", "change");
  set("least", "50", "input"); told.likely = rows(); set("least", "0", "input");
  document.querySelectorAll(button)[4].click();
  document.querySelectorAll(button)[4].click();
  told.rising = rows();
  document.querySelector("#table tbody button").click();
  told.one = document.getElementById("member").textContent;
  var pre = document.createElement("pre");
  pre.id = "tried";
  pre.textContent = JSON.stringify(told);
  document.body.appendChild(pre);
});
