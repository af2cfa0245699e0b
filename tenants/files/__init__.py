"""Files: on storage that speaks S3, in the state folder, as archives and as tables."""
