// Code in the colours of theme.css, by whatever light: Swagger UI's own themes are for one light each.
const code = {
  hljs: { display: 'block', overflowX: 'auto', padding: '0.75em', background: 'var(--code)', color: 'var(--text)' },
  'hljs-attr': { color: 'var(--accent-strong)' },
  'hljs-string': { color: 'var(--link)' },
  'hljs-number': { color: 'var(--danger)' },
  'hljs-literal': { color: 'var(--danger)' },
  'hljs-built_in': { color: 'var(--accent-strong)' },
  'hljs-comment': { color: 'var(--muted)' },
};

window.ui = SwaggerUIBundle({
  url: new URL('openapi.json', node).href,
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  persistAuthorization: false,
  syntaxHighlight: { theme: 'madang' },
  plugins: [() => ({ rootInjects: { syntaxHighlighting: { styles: { madang: code }, defaultStyle: code } } })],
});
