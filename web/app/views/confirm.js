// @ts-check
// Asks before something is done that cannot be undone, by its name.
import { t } from '../store.js';
import { FormProblem, html, useForm } from './kit.js';
import { Modal } from './modal.js';
import { closeDialog } from './navigation.js';

/** @param {{title: string, text: string, quote?: string, action: string, run: () => any}} props */
export function Confirm({ title, text, quote, action, run }) {
  const form = useForm(async () => {
    await run();
    closeDialog();
  });
  return html`<${Modal} title=${title} onClose=${closeDialog}>
    <form class="form" onSubmit=${form.onSubmit}>
      <p>${text}</p>
      ${quote && html`<blockquote class="quote">${quote}</blockquote>`}
      <${FormProblem} form=${form} />
      <div class="dialog-foot">
        <button type="button" class="button" onClick=${closeDialog}>${t('form.cancel')}</button>
        <button type="submit" class="button is-danger" data-test="confirm" autofocus
          aria-disabled=${form.isBusy ? 'true' : undefined}>${action}</button>
      </div>
    </form>
  <//>`;
}
