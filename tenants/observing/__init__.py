"""What logs and traces say of a request, an answer or a job."""
