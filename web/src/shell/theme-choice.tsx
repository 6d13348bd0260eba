// Light or dark: the system's choice, unless somebody makes another.
import { signal } from '@preact/signals';

const NAME = 'minivault.theme';
const NEXT = { system: 'light', light: 'dark', dark: 'system' } as const;
type Theme = keyof typeof NEXT;

const isTheme = (value: string | null): value is Theme => value !== null && Object.hasOwn(NEXT, value);
const stored = localStorage.getItem(NAME);
const theme = signal<Theme>(isTheme(stored) ? stored : 'system');

function apply(value: Theme): void {
  if (value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
}
apply(theme.value);

export function ThemeChoice() {
  const choose = (): void => {
    theme.value = NEXT[theme.value];
    localStorage.setItem(NAME, theme.value);
    apply(theme.value);
  };
  return (
    <button type="button" class="plain" onClick={choose} title="Change the theme">
      Theme: {theme.value}
    </button>
  );
}
