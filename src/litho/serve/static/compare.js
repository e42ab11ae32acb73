"use strict";
if (element("data")) {
  const { curves, names } = JSON.parse(element("data").textContent);
  for (const [name, lines] of Object.entries(curves)) {
    element("curves").append(chart(say("curve_" + name), lines, { zero: true, names: names.map((name) => name.split("/").pop()) }));
  }
}
