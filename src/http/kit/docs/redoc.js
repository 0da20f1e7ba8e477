// Redoc reckons with colours, so it takes no names of theme.css, but their values.
const { documentElement } = document;

// The values as they are now, or by the light that is named.
function tokens(theme = documentElement.dataset.theme) {
  const before = documentElement.dataset.theme;
  documentElement.dataset.theme = theme;
  const style = getComputedStyle(documentElement);
  const names = ['paper', 'panel', 'raised', 'press', 'line', 'text', 'muted', 'accent', 'accent-strong', 'accent-soft', 'link',
    'danger', 'danger-soft', 'notice-soft', 'code', 'font', 'mono', 'get', 'post', 'put', 'patch', 'delete', 'tone-none'];
  const values = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  documentElement.dataset.theme = before;
  return values;
}

// The right half, with what is sent and answered, is always by night: Redoc writes it in white.
function themeOf(day, night) {
  const kind = (color, backgroundColor, tabTextColor) => ({ color, backgroundColor, tabTextColor });
  const item = (color) => ({ activeBackgroundColor: color, activeTextColor: day['accent-strong'] });
  const state = (main) => ({ main, light: main, dark: main, contrastText: day.paper });
  return {
    colors: {
      primary: { main: day.accent, light: day['accent-soft'], dark: day['accent-strong'], contrastText: day.paper },
      success: state(day.link),
      warning: state(day.danger),
      error: state(day.danger),
      gray: { 50: day.panel, 100: day.panel },
      text: { primary: day.text, secondary: day.muted },
      border: { dark: day.line, light: day.line },
      responses: {
        success: kind(day.link, day['accent-soft'], night.link),
        error: kind(day.danger, day['danger-soft'], night.danger),
        redirect: kind(day.text, day['notice-soft'], night.text),
        info: kind(day.muted, day.panel, night.muted),
      },
      http: {
        get: day.get, post: day.post, put: day.put, patch: day.patch, delete: day.delete,
        options: day['tone-none'], head: day['tone-none'], basic: day['tone-none'], link: day['tone-none'],
      },
    },
    schema: {
      linesColor: day.line, typeNameColor: day.muted, typeTitleColor: day.muted, requireLabelColor: day.danger,
      nestedBackground: day.panel, arrow: { color: day.muted },
    },
    typography: {
      fontSize: '15px', fontFamily: day.font, headings: { fontFamily: day.font, fontWeight: '650' },
      code: { fontFamily: day.mono, color: day.text, backgroundColor: day.code },
      links: { color: day.link, visited: day.link, hover: day.link },
    },
    sidebar: {
      backgroundColor: day.panel, textColor: day.text, activeTextColor: day['accent-strong'], arrow: { color: day.muted },
      groupItems: item(day.press), level1Items: item(day['accent-soft']),
    },
    rightPanel: {
      backgroundColor: night.panel, textColor: night.text,
      servers: { overlay: { backgroundColor: day.raised, textColor: day.text }, url: { backgroundColor: day.paper } },
    },
    codeBlock: { backgroundColor: night.raised },
    fab: { backgroundColor: day.raised, color: day.accent },
  };
}

const at = new URL('openapi.json', node);
const head = document.querySelector('.head');
const place = document.getElementById('redoc');

function draw(spec) {
  const night = tokens('dark');
  place.style.setProperty('--night-paper', night.paper);
  place.style.setProperty('--night-text', night.text);
  place.classList.toggle('is-dark', getComputedStyle(documentElement).colorScheme === 'dark');
  const options = {
    downloadDefinitionUrl: at.href,
    pathInMiddlePanel: true,
    requiredPropsFirst: true,
    scrollYOffset: () => (getComputedStyle(head).position === 'sticky' ? head.offsetHeight : 0),
    theme: themeOf(tokens(), night),
  };
  // It would show the relative address of the server as it stands.
  Redoc.init({ ...spec, servers: [{ url: node.href }] }, options, place);
}

fetch(at)
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
  .then(draw)
  .catch((why) => (place.textContent = `openapi.json cannot be read now (${why}). Reload the page in a moment.`));

// It cannot be drawn anew in its place: what it listens to would be heard twice. On paper there is always daylight.
onTheme(() => matchMedia('print').matches || location.reload());
