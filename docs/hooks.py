"""What mkdocs calls: pages load nothing from elsewhere, search included."""

from posixpath import relpath

SHIM = "https://unpkg.com/iframe-worker/shim"  # that the theme would load where pages are opened from disk


def on_post_page(output, page, config):
    """Return the page with our own script in place of the theme's from elsewhere."""
    return output.replace(SHIM, relpath("worker.js", page.url.rpartition("/")[0] or "."))


def on_post_template(output_content, template_name, config):
    """Do so in the pages that have no Markdown, such as 404.html."""
    return output_content.replace(SHIM, "worker.js")
