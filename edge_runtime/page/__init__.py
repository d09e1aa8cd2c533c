"""The page that shows a camera loop to people in the same house: `edgecls camera --serve`."""
