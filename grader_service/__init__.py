"""The web service: people hand in zips here, and read what the engine found.

    settings keys              where things are; secrets in files of their own
    database models migrations one transaction at a time; what is kept
    accounts submissions jobs  what may happen to a person, an upload, a job
    worker keeper              the process that grades, and the thread that holds its lease
    app security pages/        Flask: what a browser sees
    serve web                  the processes: supervisor, web, workers

The database is the truth about every submission and its state. The service knows the engine, and no assignment by name.
"""
