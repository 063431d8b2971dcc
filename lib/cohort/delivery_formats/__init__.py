"""Files as schools send them: containers, formats, parsers (CSV, XLSX, EDEXML, UWLR), and why a file cannot be read.

A file goes in; out comes a `DeliveredFile`: a text that Spark can read as it is, a transcript of one, a roster, or a
rejection with a reason code. Nothing of the content is in a message.

    file_reason_codes    reason codes for which a whole file is rejected, with what a school reads
    row_reason_codes     reason codes for which a row is refused, and warnings, with what a school reads
    header_names         names of columns: what makes no difference in them, and what a wrong encoding makes of them
    format_declarations  declared export formats (`conf/deliveries/*.toml`), and the format of a header
    delivered_file       one delivery as its recognition describes it
    file_types           the type of a file by its bytes: container, workbook, document, web page
    containers           members of a `.zip` or `.gz`, under limits
    accompanying_files   letters and check sums beside the data of a container
    xml_stream           XML parsed as a stream, without entities
    xml_messages         the elements of a message that are asked for
    edexml               rosters: EDEXML, and UWLR answers
    rosters              which roster results are joined to, and which pupil a result belongs to
    uwlr                 UWLR results
    uwlr_rows            UWLR results joined to a roster, as rows
    xlsx, xlsx_parts     workbooks as tables of text; their XML parts checked first
    header_diagnosis     why a header was not recognised
    text_recognition     a text file: its format, encoding and rows
    file_recognition     any file: what kind of delivery it is, or why it is rejected
    transcripts          deliveries written once more as text that Spark reads line by line
    raw_file_values      every value of a raw file, for the search for a pupil number

How to add a delivery format:

1. Another export as CSV or `.xlsx`: a declaration in `conf/deliveries/<format>.toml`; no code.
2. Another XML message with rosters or results: its elements as a `MessageShape` beside the parser (`edexml`, `uwlr`),
   its root in `file_recognition.XML_ROOT_KINDS`.
3. Another type of file: how it is recognised in `file_types`, a `DeliveryKind`, its choice in
   `file_recognition`, a parser module, and its transcriber in `transcripts.TRANSCRIBERS`. Also its values in
   `raw_file_values`, or erasure cannot search such files.
4. Its reason codes in `file_reason_codes` and `row_reason_codes`.
"""
