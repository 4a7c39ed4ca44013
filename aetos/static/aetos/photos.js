// The card of photos: uploads with progress, drag and drop, and changes in place. Without it, its forms do the same.
(() => {
  "use strict";

  const card = () => document.getElementById("photos");
  const part = (name, within = card()) => within.querySelector(`[data-photos=${name}]`);
  const token = () => card().querySelector("[name=csrfmiddlewaretoken]").value;

  // Put the card of a fresh page in the place of ours; what was open stays open, the focus stays where it was.
  function show(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const fresh = page.getElementById("photos");
    if (!fresh || fresh.dataset.state !== card().dataset.state) return location.reload();
    const open = part("arrange")?.open;
    const focused = document.activeElement?.id;
    const said = page.querySelector(".ae-notice")?.textContent ?? "";
    const failed = [...card().querySelectorAll(".ae-uploads .ae-failed")];
    card().replaceWith(document.adoptNode(fresh));
    for (const other of page.querySelectorAll("[data-photos-change]"))
      document.getElementById(other.id)?.replaceWith(document.adoptNode(other));
    if (part("arrange")) part("arrange").open = Boolean(open);
    part("progress")?.append(...failed);
    part("said").textContent = said;
    enhance();
    const next = document.getElementById(focused) ?? (open && part("arrange")?.querySelector("summary"));
    if (focused || open) next?.focus?.({ preventScroll: true });
  }

  // Post what changes, or only look again; both end with a fresh page.
  async function renew(action, body) {
    try {
      const change = { method: "POST", body, headers: { "X-CSRFToken": token() } };
      const answer = await fetch(action, body ? change : {});
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.text());
    } catch {
      part("said").textContent = "Not saved: the server did not answer as it should. Reload the page and try again.";
    }
  }

  // ---- adding ----------------------------------------------------------------------------------

  const words = (detail) => (typeof detail === "string" ? detail : Object.values(detail ?? {}).flat().join(" "));

  function fault(request) {
    let said = "";
    try {
      said = words(JSON.parse(request.responseText).detail);
    } catch {
      said = request.status ? `The server answered ${request.status}.` : "The connection was lost.";
    }
    return said.replace(/^Photo 1 /, "This file ") || "Not added.";
  }

  function line(file) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const bar = document.createElement("progress");
    name.textContent = file.name;
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    item.append(name, bar);
    part("progress").append(item);
    return { item, bar };
  }

  // XMLHttpRequest, since fetch tells nothing of how far an upload has come.
  function send(file) {
    const { item, bar } = line(file);
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      const body = new FormData();
      body.append("photos", file);
      request.open("POST", card().dataset.api);
      request.setRequestHeader("X-CSRFToken", token());
      request.setRequestHeader("Accept", "application/json");
      request.upload.onprogress = (event) => (bar.value = event.loaded / event.total);
      request.upload.onload = () => bar.removeAttribute("value"); // it is being drawn again
      request.onloadend = () => {
        if (request.status !== 201) {
          const error = document.createElement("p");
          error.className = "ae-error";
          error.textContent = fault(request);
          bar.remove();
          item.classList.add("ae-failed");
          item.append(error);
        } else item.remove();
        done();
      };
      request.send(body);
    });
  }

  async function add(files) {
    part("progress").replaceChildren();
    for (const file of files) await send(file); // one after the other: their order is the order chosen
    await renew(location.href);
  }

  function enhanceAdding(form) {
    const input = form.querySelector("input[type=file]");
    input.hasChangeListener = true; // the theme's script would look for a text field beside it, and fail
    const over = (on) => form.classList.toggle("ae-over", on);
    form.querySelector(".ae-drop-hint").hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      take(input.files);
    });
    form.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    form.addEventListener("dragleave", () => over(false));
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      take(event.dataTransfer.files);
    });
  }

  let busy = false;
  async function take(files) {
    if (busy || !files.length) return;
    busy = true;
    part("add").querySelector("button").disabled = true;
    await add([...files]);
    busy = false;
  }

  // ---- arranging -------------------------------------------------------------------------------

  function enhanceArranging(list, action) {
    let held = null;
    const rows = () => [...list.children];
    for (const row of rows()) {
      row.draggable = true;
      row.addEventListener("dragstart", () => (held = row).classList.add("ae-held"));
      row.addEventListener("dragend", () => row.classList.remove("ae-held"));
      row.addEventListener("dragover", (event) => {
        if (!held) return;
        event.preventDefault();
        row.classList.add("ae-over");
      });
      row.addEventListener("dragleave", () => row.classList.remove("ae-over"));
      row.addEventListener("drop", (event) => {
        event.preventDefault();
        row.classList.remove("ae-over");
        if (!held || held === row) return;
        const below = rows().indexOf(held) < rows().indexOf(row);
        row[below ? "after" : "before"](held);
        const body = new FormData();
        body.append("do", "arrange");
        body.append("photos", rows().map((each) => each.dataset.photo).join(","));
        renew(action, body);
      });
    }
  }

  function enhance() {
    const adding = part("add");
    if (adding) enhanceAdding(adding);
    for (const form of card().querySelectorAll("[data-photos=act]")) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        renew(form.action, new FormData(form, event.submitter));
      });
    }
    const moving = card().querySelector("[value=arrange]");
    if (moving) enhanceArranging(card().querySelector(".ae-photo-rows"), moving.form.action);
  }

  if (card()) enhance();
})();
