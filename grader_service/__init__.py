"""The web service: people hand in zips here, and read what the engine found. Each feature is a room:

    core          settings, secrets, logs, the version by which this machine grades, this machine
    database      one transaction at a time; what is kept; the bytes, in the database or in a store
    accounts      people and their ways in: tokens, invitations, the roster, deletion
    courses       courses and their assignments; what a receipt is worth
    queue         jobs, hosts, and how an idle worker learns that there is work
    submissions   from the bytes of an upload to its receipt; written parts
    grading       which result counts; scores, grade book, points by hand, regrades; who sees what, and when
    workers       the process that grades, the heartbeat of its lease, a host's agent
    web           Flask: what browsers and programs see
    serve grade_worker    `deepgrade serve` and `deepgrade worker`

    core < database < {accounts, courses, queue} < submissions < grading < {web, workers} < serve

The database is the truth about every submission and its state. The service knows the engine, and no assignment by name.
"""
