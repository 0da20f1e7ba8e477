// What both pages begin with. They are one step below the node, with a slash behind them or without.
const node = new URL(location.pathname.endsWith('/') ? '..' : '.', location.href);

// The theme that was chosen in the chat, which is in the same folder, holds here, too. Without one the browser's does.
const themeKey = `madang:${node.pathname}:preferences`;

function takeTheme() {
  const { dataset } = document.documentElement;
  try {
    const { theme } = JSON.parse(localStorage.getItem(themeKey) ?? '{}');
    dataset.theme = theme === 'light' || theme === 'dark' ? theme : 'system';
  } catch {
    dataset.theme = 'system';
  }
}

// Calls back when there is another theme, by whichever way.
function onTheme(changed) {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  addEventListener('storage', ({ key }) => {
    if (key !== themeKey) return;
    takeTheme();
    changed();
  });
}

takeTheme();
onTheme(() => {});

addEventListener('DOMContentLoaded', () => {
  for (const link of document.querySelectorAll('.head a')) link.href = new URL(link.getAttribute('href'), node).href;
});
