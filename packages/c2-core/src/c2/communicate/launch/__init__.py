"""Starting all processes of a job: on this machine, on several hosts, or where Ray finds room."""
