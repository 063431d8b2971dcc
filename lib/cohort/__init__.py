"""From schools' files to anonymous tables for research, and to their destruction with proof.

The rooms, in the order of the way of the data. A room knows only rooms above it.

What everything stands on:

    errors        the kinds of refusal, each with an exit code
    schema        the states of the data as types and as schemas
    identifiers   numbers of pupils and codes of schools, in one normal form
    frames        what the driver knows, handed to Spark as small frames
    reasons       why a row or a file is refused
    rejection     a file that cannot be read, told by a code
    stopwatch     how long each stage of a job took
    recoding      the anonymity engine: numpy and pyarrow, no Spark

What was agreed and declared:

    config        declarations, read strictly
    locks         one run at a time per project, and one of intake
    places        where everything stands under the storage root
    catalogue     the school list and the test catalogue
    containers    what a .zip or .gz holds, within limits
    markup        XML as a stream of elements, without entities
    lists         what others keep for us: lists, each declared beside itself
    purpose       what a project is for, on what grounds, and how long
    platform      what holds for every project
    keys          the only room that sees a secret
    register      the states of releases, and the records that tell of them
    columns       what a project says of its released columns
    formats       what suppliers' exports look like, and a file's format by its header
    numbers       changes of pupil numbers, each to the newest
    filings       what is filed in the lists of objections, line by line
    spreadsheets  an .xlsx as a table of text
    edexml        a school's roster
    tables        the only room that speaks Delta
    project       what was agreed with one research project
    leaves        values as the numbers of their hierarchy's leaves
    uwlr          a school's results, joined to its roster
    arrivals      what a file in the folder of deliveries is
    ledger        what was taken in, a row per file
    mandates      instructions of the schools: whose results a project may use
    checks        what one row of a delivery is held to
    rules         what was agreed, as the rules that every class must satisfy
    handover      what goes out to the search: codes and hashes
    spread        a cohort too large for one driver, searched in parts
    transcripts   what no scan reads line by line, written as text that it does
    standing      objections that stand: a newer list lifts none of them
    permissions   lists that allow, and whom they leave out
    nesting       how much smaller a class may become from one release to the next
    access        who may read a published table
    reception     every file found, numbered and made readable
    memory        what is remembered of a release, to hold the next one against

What any file holds:

    columnar      every value that a columnar file holds
    sinks         every readable content of a file, unpacked
    remains       raw files that still hold a listed number

The stages, each a state of the data to the next:

    deliveries    schools' files → Delivered
    quality       Delivered → Accepted and Quarantined
    instructions  Accepted → Instructed: of schools that instructed us
    objections    Instructed → Admitted
    consents      Admitted → Consented: special-category values
    records       Consented → PupilRecords, one row per pupil
    pseudonymise  PupilRecords → Pseudonymised
    generalise    Pseudonymised → Generalised: the histogram out, the recoding in

What is done with them:

    barred        which rows of whom are not kept
    removal       barred rows taken out of results and quarantine
    feedback      what a school hears of its deliveries
    codebook      which values of which level a release shows
    accounts      what became of every file, counted and judged as a whole
    supersession  what a later delivery takes away of earlier ones
    renumbering   changes of pupil numbers applied to what is there
    plausibility  what is told or refused of one pupil's rows taken together
    retention     what is kept no longer than its days
    effects       what a list would take away, counted before it does
    receipts      what a school hears of the objections that it filed
    completeness  schools that are expected and have not delivered
    rights        whose results a project may use today
    differences   what a release may differ in from the one before
    waves         new pupils in a project of which a release is read
    rekeyed       what is remembered, under its pupils' newest numbers
    overlaps      two live projects on the same pupils
    faults        the lines in which a file's faults stand
    erasure       objections applied to the restricted zone
    expiry        special-category values whose consent ended, emptied
    pipeline      the order of the stages, once
    verify        a staged release, checked by code of its own
    contributors  which schools' results a release shows
    disclosed     what everybody may read of a release
    intake        what one run of intake needs beside the files
    stored        the restricted tables of results and refused rows
    succession    what a batch takes away: written down, then carried out
    judging       every new row with what becomes of it
    ingest        new deliveries taken into the restricted zone
    publish       a verified release made readable
    balance       every row and every pupil of a release, once
    release       one release: made, staged, verified
    status        what there is, what is due, what ends when
    remnant       what is left of a published table when rows must go
    withdrawal    rows taken out of a published pseudonymous table at once
    departures    every live pseudonymous project held to the lists of today
    readers       the daily look at who may read which table

What everybody hears:

    site          the public register: a static site from the open records alone
    uses          for what a school's results were used, in its own folder

How a project ends:

    needles       the search for what must not be there
    inventory     what there is of a project
    marks         what to search for, and the proof that the search finds it
    journal       how far a destruction has come
    proof         the second look, and the certificate
    destroy       a project removed, with its key
"""
