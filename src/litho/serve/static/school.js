"use strict";
for (const form of document.querySelectorAll("main form")) sendHere(form);
