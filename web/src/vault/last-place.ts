// Where in the vault one was last: what an exchange leads back to.

let place = '/vault';

export function rememberPlace(address: string): void {
  place = address;
}

export function lastPlace(): string {
  return place;
}
