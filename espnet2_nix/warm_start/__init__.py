"""A teacher's first weights from a public VITS voice."""
