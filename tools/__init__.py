"""What developers run: edgecls measured against straightforward programs. Not part of the wheel."""
