"""The web service: people hand in zips here, and read what the engine found.

    settings keys version      where things are; secrets in files of their own; the version by which this machine grades
    database models migrations one transaction at a time; what is kept
    files                      the bytes: in the database, or in a store
    accounts submissions jobs/ hosts   what may happen to a person, an upload, a job, a machine that grades
    worker keeper              the process that grades, and the thread that holds its lease
    engine/                    how an idle worker learns that there is work: by looking, or rung through Celery
    app security pages/        Flask: what a browser sees
    supervisor host            processes kept running; a machine's slots, and the thread that speaks for it
    serve web work             `deepgrade serve` and `deepgrade worker`

The database is the truth about every submission and its state. The service knows the engine, and no assignment by name.
"""
