/* What comments, likes and votes ask of the post they belong to. */
#include "actors/community/post_links.h"
#include "actors/community/community.h"
#include "actors/identity/block.h"

const struct post *post_of_path(struct tx *tx)
{
    const struct post *post = load(tx, &post_kind, path_id(tx, "id"));
    if (!post || post->entity.status == POST_DELETED) return NULL;
    return relations_to(tx, &post_kind, post) ? post : NULL;
}

enum error post_open_to_asker(struct tx *tx, const struct post *post)
{
    if (blocks_asker(tx, post->author_id)) return fail(tx, ERROR_FORBIDDEN, "the author of this post has blocked you");
    if (post->entity.status == POST_PUBLISHED) return OK;
    return fail(tx, ERROR_CONFLICT, "the post is not published");
}

enum error post_of_member(struct tx *tx, const struct post *post)
{
    if (community_relations_of(tx, post->community_id) & MEMBER) return OK;
    return fail(tx, ERROR_FORBIDDEN, "only members of its community do this");
}
