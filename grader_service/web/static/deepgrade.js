// What pages do beyond HTML. Everything works without it: this only makes it nicer.

"use strict";

// On paper nothing is folded. The sheet says the same, for browsers that know how.
window.addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("main details:not([open])")) {
    folded.open = true;
    folded.dataset.folded = "";
  }
});
window.addEventListener("afterprint", () => {
  for (const unfolded of document.querySelectorAll("main details[data-folded]")) {
    unfolded.open = false;
    delete unfolded.dataset.folded;
  }
});

// Handing in: the whole box takes a dropped file, and a zip that is too large is not sent at all.
for (const form of document.querySelectorAll("form[data-hand-in]")) {
  const input = form.querySelector("input[type=file]");
  const drop = form.querySelector(".drop");
  const complaint = form.querySelector("[data-complaint]");
  const button = form.querySelector("button");
  const words = button.textContent;
  const most = Number(form.dataset.mostKb);

  function check() {
    const file = input.files[0];
    const tooLarge = file && file.size > most * 1024;
    complaint.hidden = !tooLarge;
    complaint.textContent = tooLarge
      ? `${file.name} has ${Math.ceil(file.size / 1024)} kB, the limit is ${most} kB; ${form.dataset.advice}.`
      : "";
    return !tooLarge;
  }

  input.addEventListener("change", check);
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    drop.addEventListener(kind, () => drop.classList.remove("over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length > 0) {
      input.files = event.dataTransfer.files;
      check();
    }
  });
  form.addEventListener("submit", (event) => {
    if (!check()) {
      event.preventDefault();
      return;
    }
    button.disabled = true;
    button.textContent = "Handing in …";
  });
  // Back to this page from the browser's memory: the button is there again.
  window.addEventListener("pageshow", () => {
    button.disabled = false;
    button.textContent = words;
  });
}

// Points that cannot be are told before they are sent, beside what else was typed.
for (const input of document.querySelectorAll("input[data-most]")) {
  const most = Number(input.dataset.most);
  input.addEventListener("input", () => {
    const points = Number(input.value.trim().replace(",", "."));
    input.setCustomValidity(points >= 0 && points <= most ? "" : `Write a number from 0 to ${most}, or nothing.`);
  });
}
