"""Web page that shows a camera loop to people in the same network: `edgecls camera --serve`."""
