"""Models made elsewhere: files as other tools write them, and whether edgecls answers as those tools do."""
