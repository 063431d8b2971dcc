"""From schools' files to anonymous tables for research, and to their destruction with proof.

The rooms, in the order of the way of the data. A room knows only rooms above it. Rooms of one purpose that
are no step of the way stand in folders, each with its own list:

    intake        schools' files on their way into the restricted zone
    filed         what is filed with us: objections, permissions, instructions, changes of numbers
    later         what comes after a release: the next one, and rows that leave one at once
    destruction   what there is of a project, and the search that finds it

What everything stands on:

    errors        the kinds of refusal, each with an exit code
    schema        the states of the data as types and as schemas
    identifiers   numbers of pupils and codes of schools, in one normal form
    code_lists    the codes of every coded column, and each one's accepted spellings
    delimited_text  the one reader of delimited text: bytes, line ends, quotes
    frames        what the driver knows, handed to Spark as small frames
    stopwatch     how long each stage of a job took
    due           what is to be done about a project, and why
    closed_files  folders and files of the platform's user alone
    boards        which school boards know the pupils of which school
    recoding      the anonymity engine: numpy and pyarrow, no Spark

What was agreed and declared:

    config        declarations, read strictly
    locks         one run at a time per project, and one of intake
    places        where everything stands under the storage root
    catalogue     the school list and the test catalogue
    purpose       what a project is for, on what grounds, and how long
    declared_bands   bands of a column of numbers or years, as a project declares them
    platform      what holds for every project
    keys          the only room that sees a secret
    register      the states of releases, and the records that tell of them
    columns       what a project says of its released columns
    tables        the only room that speaks Delta
    project       what was agreed with one research project
    leaves        values as the numbers of their hierarchy's leaves
    pupil_boards  the boards that know each pupil, as keyed hashes
    rules         what was agreed, as the rules that every class must satisfy
    project_hierarchies   every column's hierarchy, held to the codes that intake accepts
    handover      what goes out to the search: codes and hashes
    spread        a cohort too large for one driver, searched in parts
    access        who may read a published table
    shown_values  which classes show their sensitive values: counted in Spark, decided on counts
    recode        the pupils' classes: the search, apart for pupils with a sensitive value and without

The stages, each a state of the data to the next:

    deliveries    schools' files → Delivered
    quality       Delivered → Accepted and Quarantined
    instructions  Accepted → Instructed: of schools that instructed us
    objections    Instructed → Admitted
    consents      Admitted → Consented: special-category values
    records       Consented → PupilRecords, one row per pupil
    pseudonymise  PupilRecords → Pseudonymised
    generalise    Pseudonymised → Generalised: the recoding applied to the rows

What is done with them:

    codebook      which values of which level a release shows
    rights        whose results a project may use today
    pipeline      the order of the stages, once
    verify        a staged release, checked by code of its own
    contributors  which schools' results a release shows
    disclosed     what everybody may read of a release
    value_ranges  lowest and highest values in the results, per school and test
    ingest        new deliveries taken into the restricted zone
    publish       a verified release made readable
    balance       every row and every pupil of a release, once
    readiness     what the next release would refuse, told before anybody runs it
    release       one release: made, staged, verified
    status        what there is, what is due, what ends when
    reverification  a published table verified again, and closed when it fails
    readers       the daily look at who may read which table

What everybody hears:

    site          the public register: a static site from the open records alone
    uses          for what a school's results were used, in its own folder

How a project ends:

    destroy       a project removed, with its key
"""
