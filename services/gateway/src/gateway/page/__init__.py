"""The API's reference as a page: our two small files, and Swagger UI as its authors ship it (swagger_ui/README.md)."""
