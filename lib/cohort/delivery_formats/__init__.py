"""Files as schools send them: containers, formats, parsers (CSV, XLSX, EDEXML, UWLR), and why a file cannot be read."""
