"""Schools' files on their way into the restricted zone; `ingest` is their order.

The rooms; each knows only rooms above it, here and in the house.

    reasons       why a row is refused, what is warned of
    wording       the sentences of a school's feedback, in two languages
    rejection     why a file is rejected, told by a code
    kinds         what a file is by its bytes, and which kinds nobody reads
    containers    what a .zip or .gz holds, within limits
    markup        XML as a stream, without entities, in whatever encoding
    header_names  names of columns: which are alike, which may be told, what a wrong encoding leaves
    messages      the elements asked for of a message, in a SOAP envelope or not
    rosters       which roster results are joined to, and on what
    sheetparts    the XML parts of an .xlsx, looked at before they are read
    formats       what suppliers' exports look like, and a file's format by its header
    spreadsheets  an .xlsx as a table of text
    edexml        a school's roster, in EDEXML or UWLR
    letters       what lies beside the data in a container
    headers       why a header was not recognised, where a nearer look tells
    uwlr          a school's results, joined to its roster
    arrivals      what a file in the folder of deliveries is
    ledger        what was taken in, a row per file
    checks        what one row of a delivery is held to
    transcripts   what no scan reads line by line, written as text that it does
    reception     every file found, numbered and made readable
    ending        whether the last run came to its end
    raw_values    every value of a raw file, for whoever looks for a number in it
    feedback      what a school hears of its deliveries
    accounts      what became of every file, counted and judged as a whole
    comparing     a delivery beside the last one of its school and supplier
    supersession  what a later delivery takes away of earlier ones
    plausibility  what is told or refused of one pupil's rows taken together
    stored        the restricted tables of results and refused rows
    completeness  schools that are expected and have not delivered
    respelling    results of earlier runs brought to the canonical spelling of every code
    renumbering   changes of pupil numbers applied to what is there
    retention     what is kept no longer than its days
    run           what one run of intake needs beside the files
    succession    what a batch takes away: written down, then carried out
    sifting       the first pass: rows without a fault, straight into the results
    scrutiny      the second pass, over files with anything else, line by line
    judging       every new file with what becomes of its rows
    settling      the results left as they count, refused rows beside them
"""
