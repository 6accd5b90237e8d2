// Single keys for reviewers. Pages work without this file; it only clicks and submits what stands on them.
"use strict";
(() => {
  const STORED = "groundlane-keys";
  const THUMBS = { 1: "up", 2: "down", 3: "unknown" };
  const root = document.documentElement;
  root.classList.add("js");
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const say = (text) => { const box = $("#said"); if (box) { box.textContent = text; clearTimeout(say.timer); say.timer = setTimeout(() => { box.textContent = ""; }, 4000); } };
  const keysOn = () => { try { return localStorage.getItem(STORED) !== "off"; } catch { return true; } };

  const items = () => all("[data-item]");
  const current = () => $("[data-item].current");
  function select(item, move = true) {
    if (!item) return;
    for (const other of all("[data-item].current")) other.classList.remove("current");
    item.classList.add("current");
    if (!move) return;
    const target = $("a.open", item) || item;
    if (target === item) item.setAttribute("tabindex", "-1");
    target.focus({ preventScroll: true });
    item.scrollIntoView({ block: item.offsetHeight > innerHeight * 0.8 ? "start" : "nearest" });
  }
  function step(by) {
    const found = items();
    const at = found.indexOf(current());
    select(found[Math.min(found.length - 1, Math.max(0, at + by))]);
  }
  const formOf = (item) => item && $("form[data-label]", item);
  const pending = () => $("form[data-label][data-thumb]");
  function drop() { const form = pending(); if (form) { delete form.dataset.thumb; say("Taken back."); return true; } return false; }

  function digit(key) {
    const form = formOf(current());
    if (!form) return false;
    if (!form.dataset.thumb) {
      const thumb = THUMBS[key];
      if (!thumb) return false;
      for (const other of all("form[data-label][data-thumb]")) delete other.dataset.thumb;
      $(`input[name=thumb][value=${thumb}]`, form).checked = true;
      const box = form.closest("details");
      if (box) box.open = true;
      if (thumb === "unknown") { form.requestSubmit(); return true; }
      form.dataset.thumb = thumb;
      say(`${thumb === "up" ? "Good" : thumb === "down" ? "Bad" : "Cannot tell"}: now the reason, 1 to 9.`);
      return true;
    }
    const reason = all("input[name=reason]", form)[Number(key) - 1];
    if (!reason) { say(`There is no reason ${key}.`); return true; }
    reason.checked = true;
    delete form.dataset.thumb;
    form.requestSubmit();
    return true;
  }
  function follow(selector) { const link = $(selector); if (link) link.click(); return Boolean(link); }
  function next() {
    if (follow("[data-next]")) return true;
    const found = items();
    const open = (item) => formOf(item) && !item.querySelector("[data-labelled]");
    const after = found.slice(found.indexOf(current()) + 1).find(open) || found.find(open);
    if (after) { select(after); return true; }
    return follow("a[rel=next]") || (say("No answer without a label is left here."), true);
  }
  function undo() {
    const button = $("[data-undo]", current() || document) || $("[data-undo-last]");
    if (button) button.click(); else say("There is no label of yours to undo here.");
    return true;
  }
  function evidence() {
    const found = all(".evidence details", current() || document);
    const shut = found.some((one) => !one.open);
    for (const one of found) one.open = shut;
    return found.length > 0;
  }
  const help = () => $("#keys");
  const actions = {
    j: () => step(1), k: () => step(-1), n: next, u: undo, e: evidence,
    ArrowLeft: () => follow("a[rel=prev]"), ArrowRight: () => follow("a[rel=next]"),
    "?": () => help().showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.target;
    const typing = target.matches("textarea, select, input:not([type=radio], [type=checkbox])") || target.isContentEditable;
    if (event.key === "Escape") {
      if (help() && help().open) return;
      if (typing) target.blur(); else drop();
      return;
    }
    if (typing || !keysOn() || (help() && help().open)) return;
    const choosing = target.matches("input[type=radio]") && event.key.startsWith("Arrow");
    if (choosing || event.repeat && !"jk".includes(event.key)) return;
    const done = /^[1-9]$/.test(event.key) ? digit(event.key) : actions[event.key] && actions[event.key]() !== false;
    if (done) event.preventDefault();
  });

  function start() {
    const on = $("#keys-on");
    if (on) {
      on.checked = keysOn();
      on.addEventListener("change", () => { try { localStorage.setItem(STORED, on.checked ? "on" : "off"); } catch { /* private mode: for this page only */ } });
    }
    const open = $("#keys-help");
    if (open) open.addEventListener("click", () => help().showModal());
    const marked = location.hash && document.getElementById(location.hash.slice(1));
    const first = (marked && marked.closest("[data-item]")) || items().find((item) => formOf(item) && !$("[data-labelled]", item));
    if (first) select(first, false);
    document.addEventListener("focusin", (event) => { const item = event.target.closest("[data-item]"); if (item) select(item, false); });
    document.addEventListener("click", (event) => { const item = event.target.closest("[data-item]"); if (item) select(item, false); });
    document.body.addEventListener("htmx:afterSwap", (event) => {
      const said = $("[data-said]", event.target) || (event.target.matches && event.target.matches("[data-said]") ? event.target : null);
      if (said) say(said.dataset.said);
      const title = $("#queue-item h1");
      if (title) { title.setAttribute("tabindex", "-1"); title.focus(); scrollTo(0, 0); }
    });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
