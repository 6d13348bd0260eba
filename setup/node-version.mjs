// The first check of all. Written so that a Node.js too old for the rest can still read it.

const OLDEST_MAJOR = 20;
const OLDEST_MINOR = 19;
const EXIT_FAULT = 78;

/**
 * @param {string} version such as `20.19.0`
 * @returns {boolean}
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_MAJOR || (major === OLDEST_MAJOR && minor >= OLDEST_MINOR);
}

/** Ends the process with 78 and one line when Node.js is too old. */
export function requireNode() {
  if (isNewEnough(process.versions.node)) return;
  process.stderr.write(
    `minivault needs Node.js ${OLDEST_MAJOR}.${OLDEST_MINOR} or newer and this is ${process.versions.node}: ` +
      'install a current one (package "nodejs" of your system, nvm or fnm) and run this again.\n',
  );
  process.exit(EXIT_FAULT);
}
