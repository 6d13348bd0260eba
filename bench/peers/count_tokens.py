"""Tokens of each text of a JSON list on stdin, as a JSON list. The argument is the model's folder."""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(str(Path(sys.argv[1]) / "tokenizer.json"))
texts = json.load(sys.stdin)
print(json.dumps([len(tokenizer.encode(text, add_special_tokens=False)) for text in texts]))
