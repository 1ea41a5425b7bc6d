/* Named views: addresses of this page that are kept in the run folder. */

function namedViews(run) {
  const names = Object.keys(run.views || {});
  const line = says();
  const open = names.length
    ? saveAs("Open a view", names.map((name) => [name, name]), (name) => applyAddress(run.views[name]))
    : null;
  if (open) open.options[0].textContent = "Open a view …";
  const link = ownAddress ? copyButton(() => location.href, "Copy the address of this view") : null;
  if (!state.acts) return h("p", { class: "tools", id: "named" }, open, link);
  const name = h("input", { type: "text", maxlength: 60, "aria-label": "Name of this view", placeholder: "name this view" });
  const redraw = (kept) => {
    run.views = kept.views;
    byId("named").replaceWith(namedViews(run));
  };
  const keep = () =>
    trying(line, async () => {
      writeAddress();
      redraw(await post("view.json", { name: name.value, address: addressNow() }));
    });
  const forget = names.length ? saveAs("Forget a view", names.map((one) => [one, one]), (one) => trying(line, async () => redraw(await post("view.json", { name: one, address: null })))) : null;
  if (forget) forget.options[0].textContent = "Forget a view …";
  return h("p", { class: "tools", id: "named" }, open, link, name, h("button", { type: "button", onclick: keep }, "Keep this view"), forget, line);
}
