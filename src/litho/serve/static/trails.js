"use strict";
const form = element("trails");
const ask = costOf("/trails/cost", () => Object.fromEntries(new FormData(form)));
form.addEventListener("input", whenItStops(ask, 700));
element("library").addEventListener("change", () => { location.href = "/trails?" + new URLSearchParams({ library: element("library").value }); });
ask();
